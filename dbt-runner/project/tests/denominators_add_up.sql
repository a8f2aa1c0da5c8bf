-- The people and homes of all areas are those of the City, as the sources of the seeds state them.
with totals as (
    select
        area_type,
        sum(population) as population,
        sum(homes) as homes,
        count(*) as areas
    from {{ ref('area_denominators') }}
    group by area_type
)

select
    area_type,
    population,
    homes,
    areas
from totals
where
    (area_type = 'ward' and (population != 2761290 or homes != 1160890 or areas != 25))
    or (area_type = 'fsa' and (population != 2794323 or homes != 1160880 or areas != 97))
