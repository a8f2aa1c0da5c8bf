select
    request_id,
    created_at,
    {{ published_time() }} as created_local,
    cast({{ published_time() }} as date) as created_on,
    status,
    fsa,
    intersection_street_1,
    intersection_street_2,
    ward_model,
    ward_id,
    coalesce(ward_name, 'Unknown') as ward_name,
    service_request_type,
    division,
    section,
    season,
    source_year,
    source_row
from {{ source('warehouse', 'service_requests') }}
