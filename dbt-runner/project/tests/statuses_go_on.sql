-- A status is seen to begin no later than it is seen to last, and the next one begins after that.
select
    history.request_id,
    history.period_number
from {{ ref('status_history') }} as history
left join {{ ref('status_history') }} as following
    on
        history.request_id = following.request_id
        and history.period_number + 1 = following.period_number
where
    history.last_seen_at < history.first_seen_at
    or following.first_seen_at < history.last_seen_at
    or following.status = history.status
