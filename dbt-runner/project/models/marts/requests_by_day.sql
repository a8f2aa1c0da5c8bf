with counted as (
    select
        created_on,
        source_year,
        type_group,
        type_name,
        count(*) as requests
    from {{ ref('fct_service_requests') }}
    group by created_on, source_year, type_group, type_name
)

select
    created_on,
    source_year,
    type_group,
    type_name,
    requests,
    cast(sum(requests) over (
        partition by source_year, type_name
        order by created_on
        rows between unbounded preceding and current row
    ) as {{ dbt.type_bigint() }}) as requests_since_new_year
from counted
