with loads as (
    select
        {{ adapter.quote('partition') }} as partition_name,
        load_number,
        fingerprint,
        clean_manifest,
        raw_manifest,
        source_last_modified,
        source_sha256,
        contract_version,
        logic_version,
        raw_lines,
        rows_read,
        rows_kept,
        rows_repaired,
        rows_quarantined,
        quarantined_by_reason,
        drift,
        loaded_at,
        run_id
    from {{ source('warehouse', 'load_history') }}
)

select
    partition_name,
    -- The other partitions are named as their data sets.
    case when length(partition_name) = 4 then cast(partition_name as {{ dbt.type_int() }}) end as source_year,
    load_number,
    load_number = max(load_number) over (partition by partition_name) as is_current,
    fingerprint,
    clean_manifest,
    raw_manifest,
    cast(source_last_modified as {{ type_instant() }}) as published_at,
    source_sha256,
    contract_version,
    logic_version,
    raw_lines,
    rows_read,
    rows_kept,
    rows_repaired,
    rows_quarantined,
    quarantined_by_reason,
    drift,
    loaded_at,
    run_id
from loads
