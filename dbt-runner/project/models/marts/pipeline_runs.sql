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
