SELECT
    `partition`,
    stage,
    cast(exit_code AS string),
    cause
FROM `{dataset}.refusals`
ORDER BY `partition`
