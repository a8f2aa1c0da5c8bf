select
    source_year,
    request_id,
    old_status,
    new_status,
    cast(old_last_modified as {{ type_instant() }}) as old_published_at,
    cast(new_last_modified as {{ type_instant() }}) as new_published_at,
    old_fingerprint,
    new_fingerprint,
    old_observed_at,
    new_observed_at,
    load_number
from {{ source('warehouse', 'status_changes') }}
where {{ in_changed_years('source_year') }}
