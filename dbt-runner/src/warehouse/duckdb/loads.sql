select
    partition,
    fingerprint,
    run_id,
    cast(coalesce(generated, false) as varchar),
    cast(epoch_us(coalesce(observed_at, loaded_at)) as varchar)
from load_history
order by partition, load_number
