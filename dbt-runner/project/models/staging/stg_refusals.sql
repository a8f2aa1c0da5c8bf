{% set partition = adapter.quote('partition') %}

select
    {{ partition }} as partition_name,
    -- The other partitions have the names of their datasets.
    case when length({{ partition }}) = 4 then cast({{ partition }} as {{ dbt.type_int() }}) end as source_year,
    stage,
    exit_code,
    cause,
    observed_at,
    run_id,
    refused_at
from {{ source('warehouse', 'refusals') }}
