{# The lower bounds of the age groups of requests, in days. The last one has no upper bound. #}
{% macro ages() -%}
    {{ return([0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365]) }}
{%- endmacro %}

{# The lower bound of the age group that follows the one of `age_days`; null after the last one. #}
{% macro next_age(age_days) -%}
    case {{ age_days }}
        {%- for age in ages()[1:] %}
            when {{ ages()[loop.index0] }} then {{ age }}
        {%- endfor %}
    end
{%- endmacro %}

{#
    Counts the requests of each year and of each combination of `columns` of the fact table by their age when the year's
    file was published, and by whether they were open, cancelled or of unknown status in it.
#}
{% macro requests_by_age(columns) -%}
with versions as (
    select
        source_year,
        as_of
    from {{ ref('stg_load_history') }}
    where
        is_current
        and source_year is not null
),

aged as (
    select
        requests.source_year,
        {% for column in columns -%}
            requests.{{ column }},
        {% endfor -%}
        requests.status_group,
        {{ seconds_between('requests.created_at', 'versions.as_of') }} as age_seconds
    from {{ ref('fct_service_requests') }} as requests
    inner join versions on requests.source_year = versions.source_year
),

grouped as (
    select
        source_year,
        {% for column in columns -%}
            {{ column }},
        {% endfor -%}
        status_group,
        case
            {%- for age in ages()[1:] | reverse %}
                when age_seconds >= {{ age * 86400 }} then {{ age }}
            {%- endfor %}
            else 0
        end as age_days
    from aged
)

select
    source_year,
    {% for column in columns -%}
        {{ column }},
    {% endfor -%}
    age_days,
    count(case when status_group in ('open', 'done') then 1 end) as requests,
    count(case when status_group = 'open' then 1 end) as open_requests,
    count(case when status_group = 'cancelled' then 1 end) as cancelled_requests,
    count(case when status_group = 'unknown' then 1 end) as unknown_requests
from grouped
group by source_year, {{ columns | join(', ') }}, age_days
{%- endmacro %}
