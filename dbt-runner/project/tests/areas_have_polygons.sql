-- Forward sortation areas that are not in Statistics Canada's boundary file: their requests are not on the map.
{{ config(severity='warn') }}

select distinct areas.fsa
from {{ ref('requests_by_month_group_fsa') }} as areas
left join {{ ref('stg_forward_sortation_areas') }} as polygons on areas.fsa = polygons.fsa
where
    areas.fsa is not null
    and polygons.fsa is null
