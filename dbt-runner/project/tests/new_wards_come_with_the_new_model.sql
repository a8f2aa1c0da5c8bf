-- A request of before 1 December 2018 in one of the 25 wards: a few are drift, many are a year that was mapped anew.
{{ config(warn_if='> 0', error_if='> 1000') }}

select
    request_id,
    created_on,
    ward_id
from {{ ref('fct_service_requests') }}
where
    ward_model = 25
    and created_on < date '2018-12-01'
