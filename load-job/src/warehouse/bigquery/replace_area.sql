DELETE FROM `{dataset}.{table}` WHERE TRUE;

INSERT INTO `{dataset}.{table}` ({row_columns})
SELECT {staged_columns} FROM `{dataset}.{staged_rows}`;

IF (SELECT COUNT(*) FROM `{dataset}.{table}`) != @rows_kept THEN
    SELECT ERROR('{miscounted}');
END IF;

