-- Wards of the current model that are not in the City's boundary file: their requests are not on the map.
{{ config(severity='warn') }}

select wards.ward_id
from {{ ref('wards') }} as wards
left join {{ ref('stg_city_wards') }} as polygons on wards.ward_id = polygons.ward_id
where
    wards.ward_model = {{ var('current_ward_model') }}
    and polygons.ward_id is null
