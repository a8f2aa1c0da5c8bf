{# The fewest requests, and the least score without its sign, that are listed. #}
{% set fewest_requests, least_score = 30, 3.5 -%}
{# The fewest and the most years that a month is compared with. #}
{% set fewest_years, most_years = 2, 5 -%}
{# The least variance between years beyond chance, relative to the square of the number: that of 10 %. #}
{% set least_excess = 0.01 -%}
{# The variance of the median of so many normal values, as a share of theirs. #}
{% set variance_of_median
    = 'case years when 2 then 0.5 when 3 then 0.4487 when 4 then 0.2982 when 5 then 0.2868 end' -%}
{# The median of the sample variance of so many normal values, as a share of its mean. #}
{% set median_of_variance
    = 'case years when 2 then 0.4549 when 3 then 0.6931 when 4 then 0.7887 when 5 then 0.8392 end' -%}
{% set cell = 'area_type, ward_model, ward_id, fsa, type_group' -%}
{% set areas_of_a_group = 'area_type, ward_model, type_group' -%}

with published as (
    {{ last_days_of_years() }}
),

by_area as (
    select
        'ward' as area_type,
        ward_model,
        ward_id,
        cast(null as {{ dbt.type_string() }}) as fsa,
        type_group,
        source_year,
        created_month,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from {{ ref('requests_by_month_group_ward') }}
    where ward_id is not null
    group by ward_model, ward_id, type_group, source_year, created_month
    union all
    select
        'fsa' as area_type,
        cast(null as {{ dbt.type_int() }}) as ward_model,
        cast(null as {{ dbt.type_int() }}) as ward_id,
        fsa,
        type_group,
        source_year,
        created_month,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from {{ ref('requests_by_month_group_fsa') }}
    where fsa is not null
    group by fsa, type_group, source_year, created_month
),

-- The months in which the wards of a model, or the forward sortation areas, have requests. A month counts if the file
-- contains it to its last day, and if the model is in force: a few requests name a ward of another one.
whole_months as (
    select distinct
        by_area.area_type,
        by_area.ward_model,
        by_area.source_year,
        by_area.created_month,
        cast(extract(month from by_area.created_month) as {{ dbt.type_int() }}) as month_of_year
    from by_area
    inner join published on by_area.source_year = published.source_year
    where
        {{ dbt.last_day('by_area.created_month', 'month') }} <= published.last_on
        and (
            by_area.ward_model is null
            or (by_area.ward_model = {{ var('current_ward_model') }})
            = (by_area.created_month >= date '{{ var("current_wards_from") }}')
        )
),

latest as (
    select distinct
        source_year,
        created_month,
        month_of_year
    from whole_months
    where created_month = (select max(newest.created_month) from whole_months as newest)
),

compared as (
    select
        whole_months.area_type,
        whole_months.ward_model,
        whole_months.created_month,
        latest.created_month as latest_month,
        -- One of them is the latest, or else nothing of this set of areas is listed.
        count(*) over (partition by whole_months.area_type, whole_months.ward_model) - 1 as years
    from whole_months
    inner join latest
        on
            whole_months.month_of_year = latest.month_of_year
            and whole_months.source_year >= latest.source_year - {{ most_years }}
),

counted as (
    select
        by_area.area_type,
        by_area.ward_model,
        by_area.ward_id,
        by_area.fsa,
        by_area.type_group,
        by_area.created_month,
        by_area.requests,
        compared.latest_month,
        compared.years,
        by_area.created_month = compared.latest_month as is_latest
    from by_area
    inner join compared
        on
            by_area.area_type = compared.area_type
            and coalesce(by_area.ward_model, 0) = coalesce(compared.ward_model, 0)
            and by_area.created_month = compared.created_month
    where compared.years >= {{ fewest_years }}
),

-- The place of each year before among them by requests. Years without requests have no rows, and the first places.
placed as (
    select
        {{ cell }},
        latest_month,
        years,
        is_latest,
        requests,
        years - count(*) over (partition by {{ cell }}, is_latest)
        + row_number() over (partition by {{ cell }}, is_latest order by requests) as place
    from counted
),

summed as (
    select
        {{ cell }},
        latest_month,
        years,
        sum(case when is_latest then requests else 0 end) as requests,
        sum(case when is_latest then 0 else requests end) as requests_before,
        sum(case when is_latest then 0 else requests * requests end) as squares_before,
        -- The median: half of the two in the middle, which are one and the same of an odd number.
        (
            sum(case when not is_latest and place = ceil(years * 0.5) then requests else 0 end)
            + sum(case when not is_latest and place = floor(years * 0.5) + 1 then requests else 0 end)
        ) / cast(2 as {{ type_double() }}) as expected
    from placed
    group by {{ cell }}, latest_month, years
),

measured as (
    select
        {{ cell }},
        latest_month,
        years,
        requests,
        expected,
        -- How much more the years vary than by chance alone, relative to the square of their mean. Small numbers say
        -- too little about it.
        case
            when requests_before >= 10 * years
                then
                    (
                        (years * squares_before - requests_before * requests_before)
                        / cast(years * (years - 1) as {{ type_double() }}) / {{ median_of_variance }}
                        - requests_before / cast(years as {{ type_double() }})
                    )
                    / (requests_before / cast(years as {{ type_double() }}))
                    / (requests_before / cast(years as {{ type_double() }}))
        end as excess
    from summed
),

ordered as (
    select
        {{ cell }},
        latest_month,
        years,
        requests,
        expected,
        excess,
        count(excess) over (partition by {{ areas_of_a_group }}) as areas,
        row_number() over (
            partition by {{ areas_of_a_group }}, case when excess is null then 0 else 1 end
            order by excess
        ) as place
    from measured
),

-- The spread of a group is the median of those of its areas, so that an unusual month of one of them does not hide
-- another.
spread as (
    select
        {{ cell }},
        latest_month,
        years,
        requests,
        expected,
        sqrt(expected) as root,
        greatest(
            coalesce(
                max(case when excess is not null and place = ceil(areas * 0.5) then excess end)
                    over (partition by {{ areas_of_a_group }}),
                {{ least_excess }}
            ),
            {{ least_excess }}
        ) as excess
    from ordered
),

-- Square roots of counts vary by a half, whatever their size: <https://doi.org/10.1093/biomet/35.3-4.246>.
scored as (
    select
        {{ cell }},
        latest_month,
        requests,
        expected,
        root,
        sqrt((1 + excess * expected) * (1 + {{ variance_of_median }})) / 2 as deviation
    from spread
    where requests >= {{ fewest_requests }}
),

judged as (
    select
        {{ cell }},
        latest_month,
        requests,
        expected,
        greatest(root - {{ least_score }} * deviation, 0) as lower_root,
        root + {{ least_score }} * deviation as upper_root,
        (sqrt(requests) - root) / deviation as score
    from scored
)

select
    latest_month as created_month,
    area_type,
    ward_model,
    ward_id,
    fsa,
    type_group,
    cast(requests as {{ dbt.type_bigint() }}) as requests,
    expected,
    -- Rounded, so that the last bits of a warehouse's arithmetic do not matter.
    round(lower_root * lower_root, 1) as lower,
    round(upper_root * upper_root, 1) as upper,
    case when expected > 0 then requests / expected end as ratio,
    round(score, 2) as score
from judged
where abs(score) >= {{ least_score }}
