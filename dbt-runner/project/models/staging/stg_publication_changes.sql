select
    source_year,
    load_number,
    old_fingerprint,
    new_fingerprint,
    content_changed,
    old_observed_at,
    new_observed_at,
    rows_before,
    rows_after,
    rows_added,
    rows_gone,
    rows_restatused,
    rows_relabelled
from {{ source('warehouse', 'publication_changes') }}
