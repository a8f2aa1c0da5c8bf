select
    changes.source_year,
    changes.load_number,
    loads.source_sha256,
    changes.content_changed,
    coalesce(
        loads.logic_version != previous.logic_version or loads.contract_version != previous.contract_version,
        false
    ) as rules_changed,
    changes.old_observed_at,
    changes.new_observed_at,
    changes.rows_before,
    changes.rows_after,
    changes.rows_added,
    changes.rows_gone,
    changes.rows_restatused,
    changes.rows_relabelled
from {{ ref('stg_publication_changes') }} as changes
inner join {{ ref('stg_load_history') }} as loads
    on
        changes.source_year = loads.source_year
        and changes.load_number = loads.load_number
left join {{ ref('stg_load_history') }} as previous
    on
        changes.source_year = previous.source_year
        and changes.load_number = previous.load_number + 1
