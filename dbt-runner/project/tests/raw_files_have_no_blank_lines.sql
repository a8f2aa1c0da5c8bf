-- Lines of a raw file that are neither its header nor rows: blank ones, which no file had so far.
{{ config(severity='warn') }}

select
    source_year,
    raw_lines,
    rows_read
from {{ ref('reconciliation') }}
where raw_lines - 1 > rows_read
