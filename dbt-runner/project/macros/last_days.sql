{# The last day of each year's file. #}
{% macro last_days_of_years() -%}
    select
        source_year,
        max(created_on) as last_on
    from {{ ref('requests_by_day') }}
    group by source_year
{%- endmacro %}

{#
    Counts the requests of the last 30, 90 and 365 days of the data, and of as many days up to the same date a year before,
    by type, division, status and `area`, columns of the fact table. Days that the data have only in part are not counted.
#}
{% macro requests_in_last_days(area) -%}
with years as (
    {{ last_days_of_years() }}
),

ends as (
    select
        0 as years_before,
        max(last_on) as last_on
    from years
    union all
    select
        1 as years_before,
        cast({{ dbt.dateadd('year', -1, 'max(last_on)') }} as date) as last_on
    from years
),

periods as (
    {% for last_days in [30, 90, 365] -%}
        select
            {{ last_days }} as last_days,
            years_before,
            cast({{ dbt.dateadd('day', 1 - last_days, 'last_on') }} as date) as first_on,
            last_on
        from ends
        {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A year's file has its days from New Year to its last request. A period is whole if the files of all years that it
-- touches reach to its end, or to the end of their year.
whole_periods as (
    select
        periods.last_days,
        periods.years_before,
        periods.first_on,
        periods.last_on
    from periods
    inner join years
        on
            years.source_year >= extract(year from periods.first_on)
            and years.source_year <= extract(year from periods.last_on)
    where
        years.last_on >= periods.last_on
        or (extract(month from years.last_on) = 12 and extract(day from years.last_on) = 31)
    group by periods.last_days, periods.years_before, periods.first_on, periods.last_on
    having count(*) = extract(year from periods.last_on) - extract(year from periods.first_on) + 1
),

-- An alias with the name of a column of the result would be that column in BigQuery's `group by`.
counted as (
    select
        whole_periods.last_days,
        facts.type_group,
        facts.type_name,
        facts.division,
        facts.status,
        {% for column in area -%}
            facts.{{ column }},
        {% endfor -%}
        count(case when whole_periods.years_before = 0 then 1 end) as requests,
        count(case when whole_periods.years_before = 1 then 1 end) as requests_year_before
    from {{ ref('fct_service_requests') }} as facts
    inner join whole_periods
        on
            facts.created_on >= whole_periods.first_on
            and facts.created_on <= whole_periods.last_on
    where {{ in_latest_years('facts.created_on') }}
    group by
        whole_periods.last_days, facts.type_group, facts.type_name, facts.division, facts.status,
        {% for column in area %}facts.{{ column }}{{ ', ' if not loop.last }}{% endfor %}
)

select
    counted.last_days,
    latest.first_on,
    latest.last_on,
    counted.type_group,
    counted.type_name,
    counted.division,
    counted.status,
    {% for column in area -%}
        counted.{{ column }},
    {% endfor -%}
    counted.requests,
    case when year_before.last_days is not null then counted.requests_year_before end as requests_year_before
from counted
inner join whole_periods as latest
    on
        counted.last_days = latest.last_days
        and latest.years_before = 0
left join whole_periods as year_before
    on
        counted.last_days = year_before.last_days
        and year_before.years_before = 1
{%- endmacro %}

{#
    The condition that a day is in the latest year or the two before: two times 365 days reach no further back. It has a
    constant, because BigQuery does not skip partitions by a subquery:
    <https://cloud.google.com/bigquery/docs/querying-partitioned-tables>.
    dbt-runner passes the variable; without it, all years are read.
#}
{% macro in_latest_years(created_on) -%}
    {%- set latest_year = var('latest_year') -%}
    {%- if latest_year is none -%}
        true
    {%- else -%}
        {{ created_on }} >= date '{{ latest_year - 2 }}-01-01'
    {%- endif -%}
{%- endmacro %}
