select
    source_year,
    load_number,
    content_changed,
    old_observed_at,
    new_observed_at,
    rows_before,
    rows_after,
    rows_added,
    rows_gone,
    rows_restatused,
    rows_relabelled
from {{ ref('stg_publication_changes') }}
