select
    fsa,
    land_area_m2,
    geometry
from {{ source('warehouse', 'forward_sortation_areas') }}
