{{ config(
    partition_by={'field': 'created_on', 'data_type': 'date', 'granularity': 'month'} if target.type == 'bigquery' else none,
    cluster_by=['type_group', 'type_name', 'ward_id'] if target.type == 'bigquery' else none
) }}

with loads as (
    select
        source_year,
        fingerprint
    from {{ ref('stg_load_history') }}
    where
        is_current
        and source_year is not null
)

select
    requests.request_id,
    requests.created_at,
    requests.created_local,
    requests.created_on,
    cast({{ dbt.date_trunc('month', 'requests.created_on') }} as date) as created_month,
    requests.season,
    requests.status,
    coalesce(statuses.status_group, 'unknown') as status_group,
    requests.ward_model,
    requests.ward_id,
    requests.ward_name,
    requests.fsa,
    requests.intersection_street_1,
    requests.intersection_street_2,
    requests.service_request_type,
    coalesce(listed.type_name, requests.service_request_type) as type_name,
    coalesce(listed.type_group, 'Other') as type_group,
    requests.division,
    requests.section,
    requests.repaired,
    requests.source_year,
    requests.source_row,
    loads.fingerprint as load_fingerprint
from {{ ref('stg_service_requests') }} as requests
inner join loads on requests.source_year = loads.source_year
left join {{ ref('statuses') }} as statuses on requests.status = statuses.status
left join {{ ref('service_request_types') }} as listed
    on requests.service_request_type = listed.service_request_type
