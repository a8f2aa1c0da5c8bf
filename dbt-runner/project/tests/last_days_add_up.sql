-- Wards and forward sortation areas divide the same requests of the last days.
with by_area as (
    {% for area in ['ward', 'fsa'] -%}
        select
            last_days,
            type_name,
            sum(requests) as requests,
            sum(requests_year_before) as requests_year_before
        from {{ ref('requests_in_last_days_' ~ area) }}
        group by last_days, type_name
        {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    last_days,
    type_name
from by_area
group by last_days, type_name
having
    count(*) != 2
    or max(requests) != min(requests)
    or max(requests_year_before) != min(requests_year_before)
