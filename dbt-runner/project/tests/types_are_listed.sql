-- Types that are in no group yet: add them to `service_request_types.csv`.
{{ config(severity='warn') }}

select
    service_request_type,
    requests
from {{ ref('types_in_use') }}
where not is_listed
