{% set stages = ['extract', 'transform', 'load', 'dbt'] %}

with loads as (
    select
        run_id,
        min(loaded_at) as first_loaded_at,
        max(loaded_at) as last_loaded_at,
        count(*) as partitions,
        count(source_year) as years,
        min(source_year) as first_year,
        max(source_year) as last_year,
        max(published_at) as latest_published_at,
        cast(sum(rows_read) as {{ dbt.type_bigint() }}) as rows_read,
        cast(sum(rows_kept) as {{ dbt.type_bigint() }}) as rows_kept,
        cast(sum(rows_repaired) as {{ dbt.type_bigint() }}) as rows_repaired,
        cast(sum(rows_quarantined) as {{ dbt.type_bigint() }}) as rows_quarantined
    from {{ ref('stg_load_history') }}
    group by run_id
),

-- Cloud Run bills a task for at least a minute: https://cloud.google.com/run/pricing
added as (
    select
        run_id,
        stage,
        sum(milliseconds) as milliseconds,
        sum(greatest(milliseconds, 60000)) as billed_milliseconds,
        sum(row_count) as row_count,
        sum(bytes_written) as bytes_written,
        sum(bytes_billed) as bytes_billed
    from {{ ref('stg_stage_runs') }}
    group by run_id, stage
),

-- Bytes are numbers of eight bytes with a point: integers of the published files have four.
spent as (
    select
        added.run_id,
        added.stage,
        added.milliseconds / cast(1000 as {{ type_double() }}) as seconds,
        cast(added.row_count as {{ dbt.type_bigint() }}) as row_count,
        cast(added.bytes_written as {{ type_double() }}) as bytes_written,
        cast(added.bytes_billed as {{ type_double() }}) as bytes_billed,
        added.billed_milliseconds / cast(1000 as {{ type_double() }}) * (
            prices.vcpus * prices.dollars_per_vcpu_second + prices.memory_gib * prices.dollars_per_gib_second
        )
        + added.bytes_billed / cast(1099511627776 as {{ type_double() }}) * prices.dollars_per_tib_billed as dollars
    from added
    inner join {{ ref('stage_prices') }} as prices on added.stage = prices.stage
),

totals as (
    select
        run_id,
        sum(dollars) as dollars
    from spent
    group by run_id
)

select
    loads.run_id,
    loads.first_loaded_at,
    loads.last_loaded_at,
    loads.partitions,
    loads.years,
    loads.first_year,
    loads.last_year,
    loads.latest_published_at,
    loads.rows_read,
    loads.rows_kept,
    loads.rows_repaired,
    loads.rows_quarantined,
    {% for stage in stages -%}
        {{ stage }}_stage.seconds as {{ stage }}_seconds,
        {{ stage }}_stage.row_count as {{ stage }}_rows,
        {{ stage }}_stage.bytes_written as {{ stage }}_bytes_written,
        {{ stage }}_stage.bytes_billed as {{ stage }}_bytes_billed,
        {{ stage }}_stage.dollars as {{ stage }}_dollars,
    {% endfor -%}
    totals.dollars
from loads
{% for stage in stages -%}
    left join spent as {{ stage }}_stage
        on
            loads.run_id = {{ stage }}_stage.run_id
            and {{ stage }}_stage.stage = '{{ stage }}'
{% endfor -%}
left join totals on loads.run_id = totals.run_id
