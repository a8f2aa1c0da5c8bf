-- What versions of a year's file said of a request's status, before and after each change. Where a version was loaded
-- twice, or out of order, it says the same again.
with observations as (
    select
        request_id,
        source_year,
        old_published_at as published_at,
        old_status as status,
        0 as may_be_superseded
    from {{ ref('stg_status_changes') }}
    where old_published_at is not null
    union distinct
    select
        request_id,
        source_year,
        new_published_at as published_at,
        new_status as status,
        1 as may_be_superseded
    from {{ ref('stg_status_changes') }}
    where new_published_at is not null
),

-- Of two publications of one date, the last is what a publication of a later date was compared with.
dated as (
    select
        request_id,
        source_year,
        published_at,
        status,
        row_number() over (
            partition by request_id, published_at
            order by may_be_superseded, status
        ) as place
    from observations
),

changes as (
    select
        request_id,
        source_year,
        published_at,
        status,
        case
            when status = lag(status)
                    over (
                        partition by request_id
                        order by published_at
                    )
                then 0
            else 1
        end as is_change
    from dated
    where place = 1
),

periods as (
    select
        request_id,
        source_year,
        published_at,
        status,
        sum(is_change) over (
            partition by request_id
            order by published_at
            rows between unbounded preceding and current row
        ) as period_number
    from changes
),

seen as (
    select
        request_id,
        source_year,
        period_number,
        status,
        min(published_at) as first_seen_at,
        max(published_at) as last_seen_at,
        period_number = max(period_number) over (partition by request_id) as is_last
    from periods
    group by request_id, source_year, period_number, status
)

select
    seen.request_id,
    seen.source_year,
    cast(seen.period_number as {{ dbt.type_bigint() }}) as period_number,
    seen.status,
    statuses.status_group,
    -- The first status was not seen to begin, and the last not to end.
    case when seen.period_number > 1 then seen.first_seen_at end as first_seen_at,
    case when not seen.is_last then seen.last_seen_at end as last_seen_at
from seen
inner join {{ ref('statuses') }} as statuses on seen.status = statuses.status
