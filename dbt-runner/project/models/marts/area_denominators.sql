select
    'ward' as area_type,
    25 as ward_model,
    people.ward_id,
    cast(null as {{ dbt.type_string() }}) as fsa,
    people.population,
    people.homes,
    cast(polygons.land_area_m2 as {{ type_double() }}) / 1000000 as land_area_km2,
    2021 as census_year,
    'people in private households' as population_basis,
    'City of Toronto, Ward Profiles (25-Ward Model)' as source
from {{ ref('ward_populations') }} as people
left join {{ ref('stg_city_wards') }} as polygons on people.ward_id = polygons.ward_id
union all
select
    'fsa' as area_type,
    cast(null as {{ dbt.type_int() }}) as ward_model,
    cast(null as {{ dbt.type_int() }}) as ward_id,
    people.fsa,
    people.population,
    people.homes,
    cast(polygons.land_area_m2 as {{ type_double() }}) / 1000000 as land_area_km2,
    2021 as census_year,
    'all residents' as population_basis,
    'Statistics Canada, table 98-10-0019-01' as source
from {{ ref('fsa_populations') }} as people
left join {{ ref('stg_forward_sortation_areas') }} as polygons on people.fsa = polygons.fsa
