SELECT
    fingerprint,
    strftime(source_last_modified, '%Y-%m-%dT%H:%M:%S.%f'),
    cast(logic_version AS VARCHAR)
FROM load_history
WHERE partition = $1
ORDER BY load_number DESC
LIMIT 1
