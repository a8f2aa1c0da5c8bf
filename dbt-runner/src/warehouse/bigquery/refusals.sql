select
    `partition`,
    stage,
    cast(exit_code as string),
    cause
from `{dataset}.refusals`
order by `partition`
