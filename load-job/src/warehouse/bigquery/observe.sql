-- https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax#update_statement
UPDATE `{dataset}.load_history` AS existing
SET
    last_observed_at = seen.observed_at,
    drift = COALESCE(PARSE_JSON(seen.drift), existing.drift)
FROM (
    SELECT
        JSON_VALUE(element, '$.partition') AS name,
        JSON_VALUE(element, '$.sha256') AS sha256,
        CAST(JSON_VALUE(element, '$.observed_at') AS TIMESTAMP) AS observed_at,
        JSON_VALUE(element, '$.drift') AS drift
    FROM UNNEST(JSON_QUERY_ARRAY(@observed)) AS element
) AS seen,
(
    SELECT
        `partition` AS name,
        MAX(load_number) AS load_number
    FROM `{dataset}.load_history`
    GROUP BY `partition`
) AS latest
WHERE
    existing.`partition` = seen.name
    AND existing.source_sha256 = seen.sha256
    AND existing.`partition` = latest.name
    AND existing.load_number = latest.load_number
    AND COALESCE(existing.last_observed_at < seen.observed_at, TRUE)
