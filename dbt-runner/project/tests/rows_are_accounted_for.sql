-- From the raw file's lines to every mart, no row is lost and none is counted twice.
select *
from {{ ref('reconciliation') }}
where rows_differ_between is not null
