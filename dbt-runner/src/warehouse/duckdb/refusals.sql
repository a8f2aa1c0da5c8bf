select
    partition,
    stage,
    cast(exit_code as varchar),
    cause
from refusals
order by partition
