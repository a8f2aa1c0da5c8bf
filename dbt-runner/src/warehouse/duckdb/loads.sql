select
    partition,
    fingerprint,
    run_id,
    cast(coalesce(generated, false) as varchar)
from load_history
order by partition, load_number
