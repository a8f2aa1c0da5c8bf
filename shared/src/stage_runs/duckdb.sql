INSERT INTO stage_runs BY NAME
SELECT
    $1 AS run_id,
    spent.*
FROM (
    SELECT unnest(from_json(cast($2 AS JSON), '[{
        "stage": "VARCHAR", "task": "BIGINT", "attempt": "BIGINT", "execution": "VARCHAR", "handed_over_at": "TIMESTAMPTZ",
        "milliseconds": "BIGINT", "row_count": "BIGINT", "bytes_written": "BIGINT", "bytes_billed": "BIGINT"
    }]'), recursive := true)
) AS spent
WHERE NOT EXISTS (
    SELECT 1
    FROM stage_runs AS existing
    WHERE
        existing.run_id = $1
        AND existing.stage = spent.stage
        AND existing.task = spent.task
        AND existing.attempt = spent.attempt
)
