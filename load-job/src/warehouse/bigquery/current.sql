SELECT
    `partition`,
    source_sha256
FROM `{dataset}.load_history`
WHERE TRUE
QUALIFY load_number = MAX(load_number) OVER (PARTITION BY `partition`)
