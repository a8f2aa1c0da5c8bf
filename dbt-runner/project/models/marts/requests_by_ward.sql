with counted as (
    select
        source_year,
        ward_model,
        ward_id,
        type_group,
        type_name,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from {{ ref('requests_by_month_type_ward') }}
    group by source_year, ward_model, ward_id, type_group, type_name
)

select
    counted.source_year,
    counted.ward_model,
    counted.ward_id,
    coalesce(wards.ward_name, 'Unknown') as ward_name,
    counted.type_group,
    counted.type_name,
    counted.requests,
    -- Requests without a ward are not ranked.
    case
        when counted.ward_id is not null
            then rank() over (
                    partition by counted.source_year, counted.ward_model, counted.type_name
                    order by counted.requests desc
                )
    end as rank_among_wards,
    counted.requests / cast(sum(counted.requests) over (
        partition by counted.source_year, counted.ward_model, counted.ward_id
    ) as {{ type_double() }}) as share_of_ward
from counted
left join {{ ref('wards') }} as wards
    on
        counted.ward_model = wards.ward_model
        and counted.ward_id = wards.ward_id
