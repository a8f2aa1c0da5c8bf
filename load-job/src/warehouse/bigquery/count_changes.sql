SELECT
    COUNT(*),
    -- Other rules may give the same text of the City another status.
    COUNTIF(existing.status != published.status AND existing.source_status != published.source_status),
    COUNTIF(existing.division IS DISTINCT FROM published.division OR existing.section IS DISTINCT FROM published.section)
FROM `{dataset}.{staged_rows}` AS published
INNER JOIN `{dataset}.service_requests` AS existing ON published.request_id = existing.request_id
WHERE
    existing.source_year = @year
    AND existing.created_at >= CAST(@year_begins AS TIMESTAMP)
    AND existing.created_at < CAST(@year_is_over AS TIMESTAMP)
