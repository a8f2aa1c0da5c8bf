BEGIN TRANSACTION;

IF (SELECT COALESCE(MAX(load_number), 0) FROM `{dataset}.load_history` WHERE `partition` = @partition) != @held_number THEN
    SELECT ERROR('{overtaken}');
END IF;

DELETE FROM `{dataset}.{table}` WHERE TRUE;

INSERT INTO `{dataset}.{table}` ({row_columns})
SELECT {staged_columns} FROM `{dataset}.{staged_rows}`;

IF (SELECT COUNT(*) FROM `{dataset}.{table}`) != @rows_kept THEN
    SELECT ERROR('{miscounted}');
END IF;

