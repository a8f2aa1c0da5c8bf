-- A request's status in each version of a year's file, before and after each change.
with observations as (
    select
        request_id,
        source_year,
        load_number - 1 as load_number,
        old_observed_at as observed_at,
        old_published_at as published_at,
        old_status as status
    from {{ ref('stg_status_changes') }}
    where load_number is not null
    union distinct
    select
        request_id,
        source_year,
        load_number,
        new_observed_at as observed_at,
        new_published_at as published_at,
        new_status as status
    from {{ ref('stg_status_changes') }}
    where load_number is not null
),

-- A version that no run observed counts as observed together with the version loaded before it.
observed as (
    select
        request_id,
        source_year,
        load_number,
        observed_at,
        published_at,
        status,
        coalesce(observed_at, max(observed_at) over (
            partition by request_id
            order by load_number
            rows between unbounded preceding and current row
        )) as observed_by
    from observations
),

-- Versions are in the order in which runs observed them, because the publisher's dates may go back.
ordered as (
    select
        request_id,
        source_year,
        observed_at,
        published_at,
        status,
        coalesce(observed_at, published_at) as version_at,
        row_number() over (
            partition by request_id
            order by observed_by nulls first, load_number
        ) as version_number
    from observed
),

-- If a version was loaded again with other rules, its last load counts.
versions as (
    select
        request_id,
        source_year,
        version_number,
        status,
        version_at,
        lead(version_at) over (
            partition by request_id
            order by version_number
        ) as next_version_at,
        -- An unobserved version may have an earlier date than the previous version.
        max(version_at) over (
            partition by request_id
            order by version_number
            rows between unbounded preceding and current row
        ) as seen_at,
        {{ as_of('published_at', 'observed_at') }} as as_of
    from ordered
),

changes as (
    select
        request_id,
        source_year,
        version_number,
        status,
        seen_at,
        as_of,
        case
            when status = lag(status)
                    over (
                        partition by request_id
                        order by version_number
                    )
                then 0
            else 1
        end as is_change
    from versions
    where
        version_at is null
        or next_version_at is null
        or version_at != next_version_at
),

periods as (
    select
        request_id,
        source_year,
        status,
        seen_at,
        as_of,
        sum(is_change) over (
            partition by request_id
            order by version_number
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
        min(seen_at) as first_seen_at,
        max(seen_at) as last_seen_at,
        min(as_of) as first_as_of,
        max(as_of) as last_as_of,
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
    -- No version shows when the first status began or when the last one ends.
    case when seen.period_number > 1 then seen.first_seen_at end as first_seen_at,
    case when not seen.is_last then seen.last_seen_at end as last_seen_at,
    case when seen.period_number > 1 then seen.first_as_of end as first_as_of,
    case when not seen.is_last then seen.last_as_of end as last_as_of
from seen
inner join {{ ref('statuses') }} as statuses on seen.status = statuses.status
