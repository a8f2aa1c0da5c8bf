SELECT
    `partition`,
    fingerprint,
    run_id,
    cast(coalesce(generated, false) AS string),
    cast(unix_micros(coalesce(observed_at, loaded_at)) AS string),
    to_json_string(drift)
FROM `{dataset}.load_history`
ORDER BY `partition`, load_number
