{% set partition = adapter.quote('partition') %}

select
    {{ partition }} as partition_name,
    -- The other partitions have the names of their datasets.
    case when length({{ partition }}) = 4 then cast({{ partition }} as {{ dbt.type_int() }}) end as source_year,
    load_number,
    load_number = max(load_number) over (partition by {{ partition }}) as is_current,
    fingerprint,
    clean_manifest,
    raw_manifest,
    cast(source_last_modified as {{ type_instant() }}) as published_at,
    source_sha256,
    contract_version,
    logic_version,
    raw_lines,
    blank_lines,
    rows_read,
    rows_kept,
    rows_repaired,
    rows_quarantined,
    quarantined_by_reason,
    drift,
    loaded_at,
    run_id,
    observed_at,
    last_observed_at,
    coalesce(
        {{ as_of('cast(source_last_modified as ' ~ type_instant() ~ ')', 'observed_at') }},
        loaded_at
    ) as as_of,
    coalesce(generated, false) as is_generated
from {{ source('warehouse', 'load_history') }}
