select
    ward_id,
    ward_name,
    land_area_m2,
    geometry
from {{ source('warehouse', 'city_wards') }}
