select
    source_year,
    created_month,
    ward_model,
    ward_id,
    cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
from {{ ref('requests_by_month_group_ward') }}
group by source_year, created_month, ward_model, ward_id
