select
    -- generated: columns
    request_id,
    created_at,
    utc_offset_hours,
    local_time_anomaly,
    status,
    source_status,
    fsa,
    intersection_street_1,
    intersection_street_2,
    ward_id,
    ward_model,
    service_request_type,
    section,
    season,
    repaired,
    source_year,
    source_row,
    -- end
    {{ published_time() }} as created_local,
    cast({{ published_time() }} as date) as created_on,
    coalesce(ward_name, 'Unknown') as ward_name,
    coalesce(division, 'Unknown') as division
from {{ source('warehouse', 'service_requests') }}
where {{ in_changed_years('source_year', 'created_at') }}
