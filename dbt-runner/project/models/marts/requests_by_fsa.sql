with counted as (
    select
        source_year,
        fsa,
        type_group,
        type_name,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from {{ ref('requests_by_month_type_fsa') }}
    group by source_year, fsa, type_group, type_name
)

select
    source_year,
    fsa,
    type_group,
    type_name,
    requests,
    -- Requests without an area are not ranked.
    case
        when fsa is not null
            then rank() over (
                    partition by source_year, type_name, case when fsa is null then 0 else 1 end
                    order by requests desc
                )
    end as rank_among_areas,
    requests / cast(sum(requests) over (
        partition by source_year, fsa
    ) as {{ type_double() }}) as share_of_area
from counted
