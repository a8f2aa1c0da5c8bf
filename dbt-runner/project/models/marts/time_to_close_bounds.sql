-- The first time that a request was seen open and then done in the next status.
with closings as (
    select
        closed.request_id,
        opened.last_as_of as open_at,
        -- If both versions have the same date, it was done at the latest when a run observed the second one.
        case
            when closed.first_as_of > opened.last_as_of then closed.first_as_of
            else closed.first_seen_at
        end as done_at,
        row_number() over (
            partition by closed.request_id
            order by closed.period_number
        ) as closing_number
    from {{ ref('status_history') }} as closed
    inner join {{ ref('status_history') }} as opened
        on
            closed.request_id = opened.request_id
            and closed.period_number = opened.period_number + 1
    where
        opened.status_group = 'open'
        and closed.status_group = 'done'
        -- A version older than the one that shows it open does not show a closing: the publisher restored it.
        and closed.first_as_of >= opened.last_as_of
),

bounds as (
    select
        requests.type_group,
        requests.type_name,
        requests.ward_model,
        requests.ward_id,
        {{ seconds_between('requests.created_at', 'closings.open_at') }} / 86400.0 as lower_days,
        {{ seconds_between('requests.created_at', 'closings.done_at') }} / 86400.0 as upper_days
    from closings
    inner join {{ ref('fct_service_requests') }} as requests
        on closings.request_id = requests.request_id
    where closings.closing_number = 1
),

ordered as (
    select
        type_group,
        type_name,
        ward_model,
        ward_id,
        lower_days,
        upper_days,
        count(*) over (partition by type_name, ward_model, ward_id) as requests,
        row_number() over (
            partition by type_name, ward_model, ward_id
            order by lower_days
        ) as lower_place,
        row_number() over (
            partition by type_name, ward_model, ward_id
            order by upper_days
        ) as upper_place
    from bounds
)

-- A quantile is the value at the rank rounded up, so it is an observed value.
select
    type_group,
    type_name,
    ward_model,
    ward_id,
    requests,
    cast(
        max(case when lower_place = ceil(requests * 0.5) then lower_days end) as {{ type_double() }}
    ) as lower_days_median,
    cast(
        max(case when upper_place = ceil(requests * 0.5) then upper_days end) as {{ type_double() }}
    ) as upper_days_median,
    cast(
        max(case when lower_place = ceil(requests * 0.9) then lower_days end) as {{ type_double() }}
    ) as lower_days_p90,
    cast(
        max(case when upper_place = ceil(requests * 0.9) then upper_days end) as {{ type_double() }}
    ) as upper_days_p90
from ordered
group by type_group, type_name, ward_model, ward_id, requests
