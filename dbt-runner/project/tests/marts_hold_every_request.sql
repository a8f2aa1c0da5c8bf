-- Every request that is loaded is counted once in every mart.
with loaded as (
    select count(*) as requests from {{ ref('stg_service_requests') }}
),

counted as (
    select 'requests_by_ward' as mart, sum(requests) as requests from {{ ref('requests_by_ward') }}
    union all
    select 'requests_by_day' as mart, sum(requests) as requests from {{ ref('requests_by_day') }}
)

select
    counted.mart,
    counted.requests as counted,
    loaded.requests as loaded
from counted
cross join loaded
where coalesce(counted.requests, 0) != loaded.requests
