select
    source_year,
    fsa,
    ward_model,
    ward_id,
    count(*) as requests
from {{ ref('fct_service_requests') }}
group by source_year, fsa, ward_model, ward_id
