BEGIN TRANSACTION;

-- BigQuery cancels one of two concurrent transactions that mutate the same table, and inserts do not count as mutation.
-- https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency
UPDATE {record} SET fingerprint = fingerprint WHERE TRUE;

-- All statements see the same snapshot: what is published was built from the loads that are in it. The record is that of
-- this build itself if the job failed while it replaced tables, and is repeated.
IF (SELECT fingerprint FROM {record}) NOT IN (@before, @unfinished)
    OR (SELECT COUNT(*) FROM `{dataset}.load_history`) != @loads THEN
    SELECT ERROR('{overtaken}');
END IF;

{statements};

UPDATE {record} SET fingerprint = @fingerprint, project = @project, years = @years, layouts = @layouts WHERE TRUE;

COMMIT TRANSACTION;
