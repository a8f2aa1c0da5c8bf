-- So far, no file has had blank lines.
{{ config(severity='warn') }}

select
    source_year,
    blank_lines
from {{ ref('reconciliation') }}
where blank_lines > 0
