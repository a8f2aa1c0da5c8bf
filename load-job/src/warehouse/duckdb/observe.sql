UPDATE load_history
SET
    last_observed_at = cast($3 AS TIMESTAMPTZ),
    drift = coalesce(cast($4 AS JSON), drift)
WHERE
    partition = $1
    AND source_sha256 = $2
    AND load_number = (SELECT max(load_number) FROM load_history WHERE partition = $1)
    AND (last_observed_at IS NULL OR last_observed_at < cast($3 AS TIMESTAMPTZ))
