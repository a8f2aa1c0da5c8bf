SELECT
    fingerprint,
    source_last_modified,
    logic_version,
    load_number
FROM `{dataset}.load_history`
WHERE `partition` = @partition
ORDER BY load_number DESC
LIMIT 1
