BEGIN TRANSACTION;

-- BigQuery cancels one of two concurrent transactions that mutate rows of the same table. Inserts do not count, and of a
-- partition that is loaded for the first time nothing is updated or deleted: so mutate a row that always exists.
-- https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency
UPDATE `{dataset}.load_lock` SET run_id = @run_id WHERE TRUE;

-- The same for the updates of observations, which are not transactions.
UPDATE `{dataset}.load_history` SET last_observed_at = last_observed_at WHERE TRUE;

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

