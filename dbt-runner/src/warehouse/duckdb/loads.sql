SELECT
    partition,
    fingerprint,
    run_id,
    cast(coalesce(generated, false) AS varchar),
    cast(epoch_us(coalesce(observed_at, loaded_at)) AS varchar),
    cast(drift AS varchar)
FROM load_history
ORDER BY partition, load_number
