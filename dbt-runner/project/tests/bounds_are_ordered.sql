-- Lower bounds are not greater than upper bounds.
select
    type_name,
    ward_model,
    ward_id
from {{ ref('time_to_close_bounds') }}
where
    lower_days_median > upper_days_median
    or lower_days_p90 > upper_days_p90
    or lower_days_median > lower_days_p90
    or upper_days_median > upper_days_p90
