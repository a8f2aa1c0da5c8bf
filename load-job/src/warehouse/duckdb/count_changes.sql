SELECT
    cast(count(*) AS VARCHAR),
    cast(count(*) FILTER (WHERE held.status <> published.status) AS VARCHAR),
    cast(count(*) FILTER (
        WHERE held.division IS DISTINCT FROM published.division OR held.section IS DISTINCT FROM published.section
    ) AS VARCHAR)
FROM read_parquet($1) AS published
INNER JOIN service_requests AS held USING (request_id)
WHERE held.source_year = $2
