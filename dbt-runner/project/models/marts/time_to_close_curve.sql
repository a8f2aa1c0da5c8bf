{# The fewest requests that have a curve. #}
{% set fewest_requests = 30 -%}
{# The years that count: as many as it takes for files with requests of every age, whatever the month. #}
{% set latest_years = 3 -%}
{# The width of the limits of one run of ages, in standard deviations. The limits of all runs of a curve hold at once in
   95 of 100 curves. #}
{% set deviations = 3 -%}
{% set curve = 'type_group, type_name, ward_model, ward_id' -%}

with latest as (
    select max(source_year) - {{ latest_years }} as year_before
    from {{ ref('open_by_age_type') }}
),

by_type as (
    select
        ages.type_group,
        ages.type_name,
        ages.age_days,
        cast(sum(ages.requests) as {{ dbt.type_bigint() }}) as requests,
        cast(sum(ages.open_requests) as {{ dbt.type_bigint() }}) as open_requests
    from {{ ref('open_by_age_type') }} as ages
    inner join latest on ages.source_year > latest.year_before
    group by ages.type_group, ages.type_name, ages.age_days
),

by_ward as (
    select
        ages.type_group,
        ages.ward_model,
        ages.ward_id,
        ages.age_days,
        cast(sum(ages.requests) as {{ dbt.type_bigint() }}) as requests,
        cast(sum(ages.open_requests) as {{ dbt.type_bigint() }}) as open_requests
    from {{ ref('open_by_age_group_ward') }} as ages
    inner join latest on ages.source_year > latest.year_before
    where ages.ward_id is not null
    group by ages.type_group, ages.ward_model, ages.ward_id, ages.age_days
),

counted as (
    select
        type_group,
        type_name,
        cast(null as {{ dbt.type_int() }}) as ward_model,
        cast(null as {{ dbt.type_int() }}) as ward_id,
        age_days,
        requests,
        open_requests
    from by_type
    union all
    select
        type_group,
        cast(null as {{ dbt.type_string() }}) as type_name,
        cast(null as {{ dbt.type_int() }}) as ward_model,
        cast(null as {{ dbt.type_int() }}) as ward_id,
        age_days,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests,
        cast(sum(open_requests) as {{ dbt.type_bigint() }}) as open_requests
    from by_type
    group by type_group, age_days
    union all
    select
        type_group,
        cast(null as {{ dbt.type_string() }}) as type_name,
        ward_model,
        ward_id,
        age_days,
        requests,
        open_requests
    from by_ward
),

numbered as (
    select
        type_group,
        type_name,
        ward_model,
        ward_id,
        age_days,
        requests,
        open_requests,
        sum(requests) over (partition by {{ curve }}) as requests_of_curve,
        -- Names a curve by one number, because nulls are not equal in a join.
        dense_rank() over (order by {{ curve }}) as curve_number
    from counted
    where requests > 0
),

added_up as (
    select
        curve_number,
        age_days,
        requests,
        requests - open_requests as done,
        sum(requests) over (
            partition by curve_number
            order by age_days
            rows between unbounded preceding and current row
        ) as requests_so_far,
        sum(requests - open_requests) over (
            partition by curve_number
            order by age_days
            rows between unbounded preceding and current row
        ) as done_so_far
    from numbered
    where requests_of_curve >= {{ fewest_requests }}
),

-- The requests from one age to another.
runs as (
    select
        youngest.curve_number,
        youngest.age_days as youngest_days,
        oldest.age_days as oldest_days,
        oldest.done_so_far - youngest.done_so_far + youngest.done as done,
        cast(
            oldest.requests_so_far - youngest.requests_so_far + youngest.requests as {{ type_double() }}
        ) as requests
    from added_up as youngest
    inner join added_up as oldest
        on
            youngest.curve_number = oldest.curve_number
            and youngest.age_days <= oldest.age_days
),

shares as (
    select
        curve_number,
        youngest_days,
        oldest_days,
        requests,
        done / requests as share,
        -- Counts are whole, for which half a request corrects: Newcombe in Statistics in Medicine 17, 1998, page 857.
        greatest(done - 0.5, 0) / requests as lowered,
        least(done + 0.5, requests) / requests as raised
    from runs
),

-- Wilson's limits of the share that is done at the oldest age at least, and at the youngest at most. Rounded, so that
-- the last bits of a warehouse's arithmetic do not matter.
limits as (
    select
        curve_number,
        youngest_days,
        oldest_days,
        {% for corrected, sign, limit in [('lowered', '-', 'lower_limit'), ('raised', '+', 'upper_limit')] -%}
            round(
                (
                    {{ corrected }} + {{ deviations * deviations }} / (2 * requests)
                    {{ sign }} {{ deviations }} * sqrt(
                        {{ corrected }} * (1 - {{ corrected }}) / requests
                        + {{ deviations * deviations }} / (4 * requests * requests)
                    )
                )
                / (1 + {{ deviations * deviations }} / requests),
                4
            ) as {{ limit }},
        {% endfor -%}
        share
    from shares
),

-- The least such share that starts at one age and ends at another or later.
least as (
    select
        curve_number,
        oldest_days as age_days,
        min(share) over (
            partition by curve_number, youngest_days
            order by oldest_days desc
            rows between unbounded preceding and current row
        ) as share
    from limits
),

-- The greatest of those is the isotonic estimate: <https://doi.org/10.1214/aoms/1177728423>.
isotonic as (
    select
        curve_number,
        age_days,
        max(share) as done_share
    from least
    group by curve_number, age_days
),

-- What is done at one age is done at every later one.
at_least as (
    select
        curve_number,
        oldest_days as age_days,
        max(max(lower_limit)) over (
            partition by curve_number
            order by oldest_days
            rows between unbounded preceding and current row
        ) as share
    from limits
    group by curve_number, oldest_days
),

at_most as (
    select
        curve_number,
        youngest_days as age_days,
        min(min(upper_limit)) over (
            partition by curve_number
            order by youngest_days desc
            rows between unbounded preceding and current row
        ) as share
    from limits
    group by curve_number, youngest_days
)

select
    numbered.type_group,
    numbered.type_name,
    numbered.ward_model,
    numbered.ward_id,
    numbered.age_days,
    numbered.requests,
    numbered.open_requests,
    isotonic.done_share,
    least(isotonic.done_share, at_least.share) as lower_share,
    greatest(isotonic.done_share, at_most.share) as upper_share
from numbered
inner join isotonic
    on
        numbered.curve_number = isotonic.curve_number
        and numbered.age_days = isotonic.age_days
inner join at_least
    on
        numbered.curve_number = at_least.curve_number
        and numbered.age_days = at_least.age_days
inner join at_most
    on
        numbered.curve_number = at_most.curve_number
        and numbered.age_days = at_most.age_days
