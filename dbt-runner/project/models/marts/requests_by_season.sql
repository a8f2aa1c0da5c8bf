with by_day as (
    select
        source_year,
        season,
        created_on,
        type_group,
        count(*) as requests
    from {{ ref('fct_service_requests') }}
    group by source_year, season, created_on, type_group
),

counted as (
    select
        source_year,
        season,
        type_group,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from by_day
    group by source_year, season, type_group
),

seasons as (
    select
        source_year,
        season,
        count(distinct created_on) as days
    from by_day
    group by source_year, season
)

select
    counted.source_year,
    counted.season,
    counted.type_group,
    counted.requests,
    seasons.days,
    counted.requests / cast(seasons.days as {{ type_double() }}) as requests_per_day,
    counted.requests / cast(sum(counted.requests) over (
        partition by counted.source_year, counted.type_group
    ) as {{ type_double() }}) as share_of_year
from counted
inner join seasons
    on
        counted.source_year = seasons.source_year
        and counted.season = seasons.season
