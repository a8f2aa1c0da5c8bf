-- The names of one type are in one group.
select
    type_name,
    count(distinct type_group) as type_groups
from {{ ref('service_request_types') }}
group by type_name
having count(distinct type_group) > 1
