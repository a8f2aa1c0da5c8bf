SELECT
    cast(load_number AS VARCHAR),
    fingerprint,
    source_sha256,
    strftime(source_last_modified, '%Y-%m-%dT%H:%M:%S.%f'),
    contract_version,
    cast(logic_version AS VARCHAR),
    cast(epoch_us(observed_at) AS VARCHAR),
    cast(epoch_us(last_observed_at) AS VARCHAR)
FROM load_history
WHERE partition = $1
ORDER BY load_number DESC
LIMIT 1
