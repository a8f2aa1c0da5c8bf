{# The fewest requests of a share. #}
{% set fewest_requests = 30 -%}

with totals as (
    select
        type_group,
        type_name,
        ward_model,
        ward_id,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests,
        -- The start of the last age group of which so many are not done for certain, and the end of the first one of
        -- which they are.
        {% for name, share in [('q25', 0.25), ('median', 0.5), ('q75', 0.75)] -%}
            coalesce(max(case when upper_share < {{ share }} then age_days end), 0) as lower_days_{{ name }},
            min(case when lower_share >= {{ share }} then {{ next_age('age_days') }} end) as upper_days_{{ name }},
        {% endfor -%}
        sum(case when age_days >= 90 then requests else 0 end) as old_requests,
        sum(case when age_days >= 90 then open_requests else 0 end) as old_open_requests
    from {{ ref('time_to_close_curve') }}
    group by type_group, type_name, ward_model, ward_id
)

select
    type_group,
    type_name,
    ward_model,
    ward_id,
    requests,
    lower_days_q25,
    upper_days_q25,
    lower_days_median,
    upper_days_median,
    lower_days_q75,
    upper_days_q75,
    case
        when old_requests >= {{ fewest_requests }}
            then old_open_requests / cast(old_requests as {{ type_double() }})
    end as open_share_90_days
from totals
