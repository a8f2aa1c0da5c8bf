SELECT
    partition,
    source_sha256,
    cast(drift AS VARCHAR)
FROM load_history
QUALIFY load_number = max(load_number) OVER (PARTITION BY partition)
