select
    source_year,
    created_month,
    type_group,
    type_name,
    division,
    status,
    fsa,
    count(*) as requests
from {{ ref('fct_service_requests') }}
group by source_year, created_month, type_group, type_name, division, status, fsa
