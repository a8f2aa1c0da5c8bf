select
    service_request_type,
    type_name,
    type_group,
    is_listed,
    cast(sum(requests) as {{ dbt.type_bigint() }}) as requests,
    min(first_on) as first_on,
    max(last_on) as last_on
from {{ ref('types_by_year') }}
group by service_request_type, type_name, type_group, is_listed
