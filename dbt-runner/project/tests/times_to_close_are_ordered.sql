-- Lower bounds are below upper bounds, and more of the requests are not done earlier than fewer of them.
select
    type_group,
    type_name,
    ward_model,
    ward_id
from {{ ref('time_to_close') }}
where
    lower_days_q25 >= upper_days_q25
    or lower_days_median >= upper_days_median
    or lower_days_q75 >= upper_days_q75
    or lower_days_q25 > lower_days_median
    or lower_days_median > lower_days_q75
    or upper_days_q25 > upper_days_median
    or upper_days_median > upper_days_q75
    or (upper_days_q25 is null and upper_days_median is not null)
    or (upper_days_median is null and upper_days_q75 is not null)
