BEGIN TRANSACTION;

-- BigQuery cancels one of two concurrent transactions that mutate the same table. Inserts do not count as mutation and
-- the delete may match nothing, so force a mutation here.
-- https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency
UPDATE `{dataset}.load_history` SET run_id = run_id WHERE TRUE;

IF (
    SELECT COALESCE(MAX(load_number), 0) FROM `{dataset}.load_history` WHERE `partition` = @partition
) != @current_number THEN
    SELECT ERROR('{overtaken}');
END IF;

-- A run may have observed the current version since then, which makes this load stale.
IF (
    SELECT COALESCE(MAX(UNIX_MICROS(last_observed_at)), 0) FROM `{dataset}.load_history`
    WHERE `partition` = @partition AND load_number = @current_number
) != @current_last_observed_us THEN
    SELECT ERROR('{overtaken}');
END IF;

