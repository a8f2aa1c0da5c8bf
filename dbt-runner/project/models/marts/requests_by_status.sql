with counted as (
    select
        source_year,
        type_group,
        division,
        status,
        status_group,
        count(*) as requests
    from {{ ref('fct_service_requests') }}
    group by source_year, type_group, division, status, status_group
)

select
    source_year,
    type_group,
    division,
    status,
    status_group,
    requests,
    requests / cast(sum(requests) over (
        partition by source_year, type_group, division
    ) as {{ type_double() }}) as share_of_group
from counted
