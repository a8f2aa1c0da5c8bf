-- No file had blank lines so far.
{{ config(severity='warn') }}

select
    source_year,
    blank_lines
from {{ ref('reconciliation') }}
where blank_lines > 0
