BEGIN TRANSACTION;

-- Of two transactions at once that change rows of one table, one is cancelled; to add rows is not to change any, and there
-- may be none to delete. https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency
UPDATE `{dataset}.load_history` SET run_id = run_id WHERE TRUE;

IF (SELECT COALESCE(MAX(load_number), 0) FROM `{dataset}.load_history` WHERE `partition` = @partition) != @held_number THEN
    SELECT ERROR('{overtaken}');
END IF;

-- A run that observed the version held since then may have made this load stale.
IF (
    SELECT COALESCE(MAX(UNIX_MICROS(last_observed_at)), 0) FROM `{dataset}.load_history`
    WHERE `partition` = @partition AND load_number = @held_number
) != @held_last_observed_us THEN
    SELECT ERROR('{overtaken}');
END IF;

