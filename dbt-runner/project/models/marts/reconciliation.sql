{% set marts = [
    'requests_by_month_type_ward', 'requests_by_month_type_fsa', 'requests_by_month_group_ward',
    'requests_by_month_group_fsa', 'requests_by_month_ward', 'requests_by_ward', 'requests_by_fsa',
    'requests_by_fsa_ward', 'requests_by_day', 'requests_by_season', 'requests_by_status', 'type_trends',
    'open_by_age_type', 'open_by_age_group_ward',
] -%}

with loads as (
    select
        source_year,
        raw_lines,
        blank_lines,
        rows_read,
        rows_kept,
        rows_repaired,
        rows_quarantined
    from {{ ref('stg_load_history') }}
    where
        is_current
        and source_year is not null
        and {{ in_changed_years('source_year') }}
),

loaded as (
    select
        source_year,
        count(*) as row_count,
        sum(case when repaired then 1 else 0 end) as repaired
    from {{ ref('stg_service_requests') }}
    group by source_year
),

quarantined as (
    select
        source_year,
        count(*) as row_count
    from {{ ref('stg_quarantined_requests') }}
    group by source_year
),

facts as (
    select
        source_year,
        count(*) as row_count
    from {{ ref('fct_service_requests') }}
    group by source_year
),

{% for mart in marts -%}
    in_{{ mart }} as (
        select
            source_year,
            cast(sum(
                requests
                {%- if mart.startswith('open_by_age_') %} + cancelled_requests + unknown_requests {%- endif %}
            ) as {{ dbt.type_bigint() }}) as row_count
        from {{ ref(mart) }}
        group by source_year
    ),

{% endfor -%}

-- Every year in any table is included, even if it has no load.
years as (
    select source_year from loads
    union distinct
    select source_year from loaded
    union distinct
    select source_year from quarantined
    union distinct
    select source_year from facts
),

counted as (
    select
        years.source_year,
        coalesce(loads.raw_lines, 0) as raw_lines,
        coalesce(loads.blank_lines, 0) as blank_lines,
        coalesce(loads.rows_read, 0) as rows_read,
        coalesce(loads.rows_kept, 0) as rows_kept,
        coalesce(loads.rows_repaired, 0) as rows_repaired,
        coalesce(loads.rows_quarantined, 0) as rows_quarantined,
        coalesce(loaded.row_count, 0) as loaded,
        cast(coalesce(loaded.repaired, 0) as {{ dbt.type_bigint() }}) as loaded_repaired,
        coalesce(quarantined.row_count, 0) as loaded_quarantined,
        {% for mart in marts -%}
            coalesce(in_{{ mart }}.row_count, 0) as in_{{ mart }},
        {% endfor -%}
        coalesce(facts.row_count, 0) as in_fct_service_requests
    from years
    left join loads on years.source_year = loads.source_year
    left join loaded on years.source_year = loaded.source_year
    left join quarantined on years.source_year = quarantined.source_year
    left join facts on years.source_year = facts.source_year
    {% for mart in marts -%}
        left join in_{{ mart }} on years.source_year = in_{{ mart }}.source_year
    {% endfor %}
)

select
    source_year,
    raw_lines,
    blank_lines,
    rows_read,
    rows_kept,
    rows_repaired,
    rows_quarantined,
    loaded,
    loaded_repaired,
    loaded_quarantined,
    in_fct_service_requests,
    {% for mart in marts -%}
        in_{{ mart }},
    {% endfor -%}
    case
        -- The header is the only line that is neither blank nor a row.
        when 1 + blank_lines + rows_read != raw_lines then 'raw_lines to rows_read'
        when rows_kept + rows_quarantined != rows_read then 'rows_read to rows_kept and rows_quarantined'
        when loaded_quarantined != rows_quarantined then 'rows_quarantined to quarantined_requests'
        when loaded != rows_kept then 'rows_kept to service_requests'
        when loaded_repaired != rows_repaired then 'rows_repaired to service_requests'
        when in_fct_service_requests != loaded then 'service_requests to fct_service_requests'
        {% for mart in marts -%}
            when in_{{ mart }} != in_fct_service_requests then 'fct_service_requests to {{ mart }}'
        {% endfor -%}
    end as rows_differ_between
from counted
