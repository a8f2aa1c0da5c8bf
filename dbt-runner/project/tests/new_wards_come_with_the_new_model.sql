-- Requests in one of the current wards from before those were in force, per million of their year: a few are drift,
-- many mean that the year was mapped to the new model.
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
                ward_model = {{ var('current_ward_model') }}
                and created_on < date '{{ var("current_wards_from") }}'
                then 1
            else 0
        end as is_too_early
    from {{ ref('fct_service_requests') }}
    where source_year <= extract(year from date '{{ var("current_wards_from") }}')
) as requests
group by source_year
having sum(is_too_early) > 0
