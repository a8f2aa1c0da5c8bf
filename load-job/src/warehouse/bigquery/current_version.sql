SELECT
    load_number,
    fingerprint,
    source_sha256,
    source_last_modified,
    contract_version,
    logic_version,
    UNIX_MICROS(observed_at),
    UNIX_MICROS(last_observed_at)
FROM `{dataset}.load_history`
WHERE `partition` = @partition
ORDER BY load_number DESC
LIMIT 1
