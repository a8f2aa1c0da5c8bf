SELECT
    partition,
    stage,
    cast(exit_code AS varchar),
    cause
FROM refusals
ORDER BY partition
