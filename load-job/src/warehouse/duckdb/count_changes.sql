SELECT
    cast(count(*) AS VARCHAR),
    cast(count(*) FILTER (WHERE existing.status <> published.status) AS VARCHAR),
    cast(count(*) FILTER (
        WHERE existing.division IS DISTINCT FROM published.division OR existing.section IS DISTINCT FROM published.section
    ) AS VARCHAR)
FROM read_parquet({files}) AS published
INNER JOIN service_requests AS existing USING (request_id)
WHERE existing.source_year = $1
