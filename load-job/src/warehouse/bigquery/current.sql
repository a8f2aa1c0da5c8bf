SELECT
    `partition`,
    source_sha256,
    TO_JSON_STRING(drift)
FROM `{dataset}.load_history`
WHERE TRUE
QUALIFY load_number = MAX(load_number) OVER (PARTITION BY `partition`)
