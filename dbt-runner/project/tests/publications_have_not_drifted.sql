-- Differences of the current files from the contract.
{{ config(severity='warn') }}

select
    source_year,
    measure,
    subject,
    row_count
from {{ ref('data_quality') }}
where
    is_current
    and measure like 'drift_%'
