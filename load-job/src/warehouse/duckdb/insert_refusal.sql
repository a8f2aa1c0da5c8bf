INSERT INTO refusals
SELECT
    $1 AS partition,
    $3 AS stage,
    $4 AS exit_code,
    $5 AS cause,
    cast($2 AS TIMESTAMPTZ) AS observed_at,
    $6 AS run_id,
    now() AS refused_at
WHERE
    -- A run that observed the portal later refused or loaded it.
    NOT EXISTS (SELECT 1 FROM refusals WHERE partition = $1)
    AND NOT EXISTS (SELECT 1 FROM load_history WHERE partition = $1 AND last_observed_at > cast($2 AS TIMESTAMPTZ))
