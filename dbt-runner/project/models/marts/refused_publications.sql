select
    refusals.partition_name as {{ adapter.quote('partition') }},
    refusals.source_year,
    refusals.stage,
    refusals.exit_code,
    refusals.cause,
    refusals.observed_at,
    loads.published_at as held_published_at,
    loads.last_observed_at as held_observed_at,
    loads.loaded_at as held_loaded_at
from {{ ref('stg_refusals') }} as refusals
left join {{ ref('stg_load_history') }} as loads
    on
        refusals.partition_name = loads.partition_name
        and loads.is_current
