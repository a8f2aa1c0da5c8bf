select
    ward_id,
    ward_name,
    geometry
from {{ source('warehouse', 'city_wards') }}
