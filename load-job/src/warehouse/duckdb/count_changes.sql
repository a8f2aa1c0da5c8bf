SELECT
    cast(count(*) AS VARCHAR),
    -- Other rules may give the same text of the City another status.
    cast(count(*) FILTER (
        WHERE existing.status <> published.status AND existing.source_status <> published.source_status
    ) AS VARCHAR),
    cast(count(*) FILTER (
        WHERE existing.division IS DISTINCT FROM published.division OR existing.section IS DISTINCT FROM published.section
    ) AS VARCHAR)
FROM read_parquet({files}) AS published
INNER JOIN service_requests AS existing USING (request_id)
WHERE existing.source_year = $1
