BEGIN TRANSACTION;

-- Two of these transactions conflict, so that no row is inserted twice: inserts alone do not.
-- https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency
UPDATE `{dataset}.load_lock` SET run_id = @run_id WHERE TRUE;

INSERT INTO `{dataset}.stage_runs` (
    run_id, stage, task, attempt, execution, handed_over_at, milliseconds, row_count, bytes_written, bytes_billed
)
SELECT
    @run_id,
    spent.stage,
    spent.task,
    spent.attempt,
    spent.execution,
    spent.handed_over_at,
    spent.milliseconds,
    spent.row_count,
    spent.bytes_written,
    spent.bytes_billed
FROM (
    SELECT
        JSON_VALUE(element, '$.stage') AS stage,
        CAST(JSON_VALUE(element, '$.task') AS INT64) AS task,
        CAST(JSON_VALUE(element, '$.attempt') AS INT64) AS attempt,
        JSON_VALUE(element, '$.execution') AS execution,
        CAST(JSON_VALUE(element, '$.handed_over_at') AS TIMESTAMP) AS handed_over_at,
        CAST(JSON_VALUE(element, '$.milliseconds') AS INT64) AS milliseconds,
        CAST(JSON_VALUE(element, '$.row_count') AS INT64) AS row_count,
        CAST(JSON_VALUE(element, '$.bytes_written') AS INT64) AS bytes_written,
        CAST(JSON_VALUE(element, '$.bytes_billed') AS INT64) AS bytes_billed
    FROM UNNEST(JSON_QUERY_ARRAY(@stage_runs)) AS element
) AS spent
LEFT JOIN `{dataset}.stage_runs` AS existing
    ON
        existing.run_id = @run_id
        AND spent.stage = existing.stage
        AND spent.task = existing.task
        AND spent.attempt = existing.attempt
WHERE existing.run_id IS NULL;

COMMIT TRANSACTION;
