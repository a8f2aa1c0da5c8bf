SELECT
    COUNT(*),
    COUNTIF(held.status != published.status),
    COUNTIF(held.division IS DISTINCT FROM published.division OR held.section IS DISTINCT FROM published.section)
FROM `{dataset}.{staged_rows}` AS published
INNER JOIN `{dataset}.service_requests` AS held ON published.request_id = held.request_id
WHERE
    held.source_year = @year
    AND held.created_at >= CAST(@year_begins AS TIMESTAMP)
    AND held.created_at < CAST(@year_is_over AS TIMESTAMP)
