-- Wards of the current model that the City's boundary file lacks: they are on no map.
{{ config(severity='warn') }}

select wards.ward_id
from {{ ref('wards') }} as wards
left join {{ ref('stg_city_wards') }} as polygons on wards.ward_id = polygons.ward_id
where
    wards.ward_model = 25
    and polygons.ward_id is null
