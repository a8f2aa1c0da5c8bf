select
    `partition`,
    fingerprint,
    run_id,
    cast(coalesce(generated, false) as string)
from `{dataset}.load_history`
order by `partition`, load_number
