-- The share of requests that is done is not smaller at a later age.
select
    type_group,
    type_name,
    ward_model,
    ward_id,
    age_days
from (
    select
        type_group,
        type_name,
        ward_model,
        ward_id,
        age_days,
        done_share,
        lag(done_share) over (
            partition by type_group, type_name, ward_model, ward_id
            order by age_days
        ) as share_before
    from {{ ref('time_to_close_curve') }}
) as ordered
where done_share < share_before
