with counted as (
    select
        created_on,
        source_year,
        division,
        service_request_type,
        count(*) as requests
    from {{ ref('stg_service_requests') }}
    group by created_on, source_year, division, service_request_type
)

select
    created_on,
    source_year,
    division,
    service_request_type,
    requests,
    cast(sum(requests) over (
        partition by source_year, division, service_request_type
        order by created_on
        rows between unbounded preceding and current row
    ) as {{ dbt.type_bigint() }}) as requests_since_new_year
from counted
