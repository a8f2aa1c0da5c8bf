-- Statuses are in the order of observation: each is first seen no later than last seen, and the next one not before.
select
    history.request_id,
    history.period_number
from {{ ref('status_history') }} as history
left join {{ ref('status_history') }} as next_period
    on
        history.request_id = next_period.request_id
        and history.period_number + 1 = next_period.period_number
where
    history.last_seen_at < history.first_seen_at
    or next_period.first_seen_at < history.last_seen_at
    or next_period.status = history.status
