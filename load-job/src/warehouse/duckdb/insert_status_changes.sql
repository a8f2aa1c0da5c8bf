INSERT INTO status_changes BY NAME
SELECT
    existing.source_year,
    existing.request_id,
    existing.status AS old_status,
    published.status AS new_status,
    cast($2 AS TIMESTAMP) AS old_last_modified,
    cast($3 AS TIMESTAMP) AS new_last_modified,
    $4 AS old_fingerprint,
    $5 AS new_fingerprint,
    cast($6 AS TIMESTAMPTZ) AS old_observed_at,
    cast($7 AS TIMESTAMPTZ) AS new_observed_at,
    $8 AS load_number
FROM read_parquet({files}) AS published
INNER JOIN service_requests AS existing USING (request_id)
WHERE
    existing.source_year = $1
    -- Only changes by the publisher, not by the rules that map its statuses.
    AND existing.status <> published.status
    AND existing.source_status <> published.source_status
ORDER BY existing.created_at, existing.request_id
