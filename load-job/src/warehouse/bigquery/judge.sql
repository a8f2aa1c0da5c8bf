BEGIN TRANSACTION;

-- Two judgements conflict, so that no refusal is recorded twice: a MERGE that only inserts rows conflicts with none.
-- https://cloud.google.com/bigquery/docs/data-manipulation-language
UPDATE `{dataset}.load_lock` SET run_id = @run_id WHERE TRUE;

-- https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#merge_statement
MERGE INTO `{dataset}.refusals` AS existing
USING (
    SELECT
        verdicts.name,
        verdicts.stage,
        verdicts.exit_code,
        verdicts.cause,
        verdicts.observed_at,
        -- A run that observed the portal later loaded the partition.
        COALESCE(loads.last_observed_at > verdicts.observed_at, FALSE) AS is_outdated
    FROM (
        SELECT
            JSON_VALUE(element, '$.partition') AS name,
            JSON_VALUE(element, '$.stage') AS stage,
            CAST(JSON_VALUE(element, '$.exit_code') AS INT64) AS exit_code,
            JSON_VALUE(element, '$.cause') AS cause,
            CAST(JSON_VALUE(element, '$.observed_at') AS TIMESTAMP) AS observed_at
        FROM UNNEST(JSON_QUERY_ARRAY(@verdicts)) AS element
    ) AS verdicts
    LEFT JOIN (
        SELECT
            `partition` AS name,
            MAX(last_observed_at) AS last_observed_at
        FROM `{dataset}.load_history`
        GROUP BY `partition`
    ) AS loads ON verdicts.name = loads.name
) AS verdict
ON existing.`partition` = verdict.name
WHEN MATCHED AND existing.observed_at <= verdict.observed_at AND (verdict.stage IS NULL OR verdict.is_outdated) THEN DELETE
WHEN MATCHED AND existing.observed_at <= verdict.observed_at THEN UPDATE SET
    stage = verdict.stage,
    exit_code = verdict.exit_code,
    cause = verdict.cause,
    observed_at = verdict.observed_at,
    run_id = @run_id,
    refused_at = CURRENT_TIMESTAMP()
WHEN NOT MATCHED AND verdict.stage IS NOT NULL AND NOT verdict.is_outdated THEN
    INSERT (`partition`, stage, exit_code, cause, observed_at, run_id, refused_at)
    VALUES (
        verdict.name, verdict.stage, verdict.exit_code, verdict.cause, verdict.observed_at, @run_id, CURRENT_TIMESTAMP()
    );

COMMIT TRANSACTION;
