with counted as (
    select
        source_year,
        service_request_type,
        type_name,
        type_group,
        count(*) as requests,
        min(created_on) as first_on,
        max(created_on) as last_on
    from {{ ref('fct_service_requests') }}
    group by source_year, service_request_type, type_name, type_group
)

select
    counted.source_year,
    counted.service_request_type,
    counted.type_name,
    counted.type_group,
    listed.service_request_type is not null as is_listed,
    counted.requests,
    counted.first_on,
    counted.last_on
from counted
left join {{ ref('service_request_types') }} as listed
    on counted.service_request_type = listed.service_request_type
