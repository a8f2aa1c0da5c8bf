-- Requests from before 1 December 2018 in one of the 25 wards, per million of their year: a few are drift, many mean
-- that the year was mapped to the new model.
{{ config(
    fail_calc='coalesce(max(per_million), 0)',
    warn_if='> 0',
    error_if='> 1000',
) }}

select
    source_year,
    sum(is_too_early) as requests,
    cast(ceil(1000000.0 * sum(is_too_early) / count(*)) as {{ dbt.type_bigint() }}) as per_million
from (
    select
        source_year,
        case
            when
                ward_model = 25
                and created_on < date '2018-12-01'
                then 1
            else 0
        end as is_too_early
    from {{ ref('fct_service_requests') }}
    where source_year <= 2018
) as requests
group by source_year
having sum(is_too_early) > 0
