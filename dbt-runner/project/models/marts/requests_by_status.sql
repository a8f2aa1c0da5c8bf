with counted as (
    select
        source_year,
        type_group,
        division,
        status,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from {{ ref('requests_by_month_group_ward') }}
    group by source_year, type_group, division, status
)

select
    counted.source_year,
    counted.type_group,
    counted.division,
    counted.status,
    coalesce(statuses.status_group, 'unknown') as status_group,
    counted.requests,
    counted.requests / cast(sum(counted.requests) over (
        partition by counted.source_year, counted.type_group, counted.division
    ) as {{ type_double() }}) as share_of_group
from counted
left join {{ ref('statuses') }} as statuses on counted.status = statuses.status
