-- A month is compared only if the files of both years contain it to its last day.
with published as (
    {{ last_days_of_years() }}
),

counted as (
    select
        source_year,
        created_month,
        type_group,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from {{ ref('requests_by_month_type_fsa') }}
    group by source_year, created_month, type_group
),

whole_months as (
    select distinct
        counted.source_year,
        counted.created_month,
        cast(extract(month from counted.created_month) as {{ dbt.type_int() }}) as month_of_year
    from counted
    inner join published on counted.source_year = published.source_year
    where {{ dbt.last_day('counted.created_month', 'month') }} <= published.last_on
),

comparable as (
    select
        months.source_year,
        months.created_month,
        earlier.created_month as earlier_month
    from whole_months as months
    inner join whole_months as earlier
        on
            months.source_year = earlier.source_year + 1
            and months.month_of_year = earlier.month_of_year
),

years as (
    select
        source_year,
        count(*) as comparable_months
    from comparable
    group by source_year
),

totals as (
    select
        source_year,
        type_group,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from counted
    group by source_year, type_group
),

this_year as (
    select
        comparable.source_year,
        counted.type_group,
        sum(counted.requests) as requests
    from comparable
    inner join counted on comparable.created_month = counted.created_month
    group by comparable.source_year, counted.type_group
),

year_before as (
    select
        comparable.source_year,
        counted.type_group,
        sum(counted.requests) as requests
    from comparable
    inner join counted on comparable.earlier_month = counted.created_month
    group by comparable.source_year, counted.type_group
),

-- A group that is in only one of the two years is compared as well.
compared as (
    select
        source_year,
        type_group
    from totals
    union distinct
    select
        source_year,
        type_group
    from year_before
)

select
    compared.source_year,
    compared.type_group,
    coalesce(totals.requests, 0) as requests,
    coalesce(years.comparable_months, 0) as comparable_months,
    case
        when years.comparable_months is not null
            then cast(coalesce(this_year.requests, 0) as {{ dbt.type_bigint() }})
    end as comparable_requests,
    case
        when years.comparable_months is not null
            then cast(coalesce(year_before.requests, 0) as {{ dbt.type_bigint() }})
    end as comparable_requests_year_before,
    case
        when year_before.requests > 0
            then
                coalesce(this_year.requests, 0) / cast(year_before.requests as {{ type_double() }})
                - 1
    end as change_from_year_before
from compared
left join totals
    on
        compared.source_year = totals.source_year
        and compared.type_group = totals.type_group
left join years on compared.source_year = years.source_year
left join this_year
    on
        compared.source_year = this_year.source_year
        and compared.type_group = this_year.type_group
left join year_before
    on
        compared.source_year = year_before.source_year
        and compared.type_group = year_before.type_group
