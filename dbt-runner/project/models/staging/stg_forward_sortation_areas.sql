select
    fsa,
    geometry
from {{ source('warehouse', 'forward_sortation_areas') }}
