select
    source_year,
    created_month,
    type_group,
    division,
    status,
    fsa,
    cast(sum(requests) as {{ dbt.type_bigint() }}) as requests
from {{ ref('requests_by_month_type_fsa') }}
group by source_year, created_month, type_group, division, status, fsa
