with counted as (
    select
        fsa,
        ward_model,
        ward_id,
        cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
    from {{ ref('requests_by_fsa_ward') }}
    where
        fsa is not null
        and ward_model = {{ var('current_ward_model') }}
    group by fsa, ward_model, ward_id
)

select
    fsa,
    ward_model,
    ward_id,
    requests,
    requests / cast(sum(requests) over (partition by fsa) as {{ type_double() }}) as share
from counted
