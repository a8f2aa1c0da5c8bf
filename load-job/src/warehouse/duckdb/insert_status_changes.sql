INSERT INTO status_changes BY NAME
SELECT
    existing.source_year,
    existing.request_id,
    existing.status AS old_status,
    published.status AS new_status,
    cast($3 AS TIMESTAMP) AS old_last_modified,
    cast($4 AS TIMESTAMP) AS new_last_modified,
    $5 AS old_fingerprint,
    $6 AS new_fingerprint,
    cast($7 AS TIMESTAMPTZ) AS old_observed_at,
    cast($8 AS TIMESTAMPTZ) AS new_observed_at,
    $9 AS load_number
FROM read_parquet($1) AS published
INNER JOIN service_requests AS existing USING (request_id)
WHERE
    existing.source_year = $2
    -- Only changes by the publisher, not by the rules that map its statuses.
    AND existing.status <> published.status
    AND existing.source_status <> published.source_status
ORDER BY existing.created_at, existing.request_id
