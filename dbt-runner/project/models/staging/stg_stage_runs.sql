select
    run_id,
    stage,
    task,
    attempt,
    execution,
    handed_over_at,
    milliseconds,
    row_count,
    bytes_written,
    bytes_billed
from {{ source('warehouse', 'stage_runs') }}
