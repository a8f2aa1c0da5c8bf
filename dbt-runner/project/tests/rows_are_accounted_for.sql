-- From the raw file's lines to every mart, no row is lost or counted twice.
select
    source_year,
    rows_differ_between
from {{ ref('reconciliation') }}
where rows_differ_between is not null
