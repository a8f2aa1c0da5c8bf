select
    source_year,
    source_row,
    reason,
    detail,
    raw_line
from {{ source('warehouse', 'quarantined_requests') }}
where {{ in_changed_years('source_year') }}
