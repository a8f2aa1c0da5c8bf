with counted as (
    select
        source_year,
        ward_model,
        ward_id,
        ward_name,
        division,
        service_request_type,
        count(*) as requests
    from {{ ref('stg_service_requests') }}
    group by source_year, ward_model, ward_id, ward_name, division, service_request_type
)

select
    source_year,
    ward_model,
    ward_id,
    ward_name,
    division,
    service_request_type,
    requests,
    -- Requests without a ward compete with none.
    case
        when ward_id is not null
            then rank() over (
                partition by source_year, ward_model, division, service_request_type
                order by requests desc
            )
    end as rank_among_wards,
    requests / cast(sum(requests) over (
        partition by source_year, ward_model, ward_id, ward_name
    ) as {{ type_double() }}) as share_of_ward
from counted
