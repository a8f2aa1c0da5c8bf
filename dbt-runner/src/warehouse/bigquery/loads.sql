select
    `partition`,
    fingerprint,
    run_id,
    cast(coalesce(generated, false) as string),
    cast(unix_micros(coalesce(observed_at, loaded_at)) as string)
from `{dataset}.load_history`
order by `partition`, load_number
