INSERT INTO status_changes BY NAME
SELECT
    held.source_year,
    held.request_id,
    held.status AS old_status,
    published.status AS new_status,
    cast($3 AS TIMESTAMP) AS old_last_modified,
    cast($4 AS TIMESTAMP) AS new_last_modified,
    $5 AS old_fingerprint,
    $6 AS new_fingerprint,
    cast($7 AS TIMESTAMPTZ) AS old_observed_at,
    cast($8 AS TIMESTAMPTZ) AS new_observed_at,
    $9 AS load_number
FROM read_parquet($1) AS published
INNER JOIN service_requests AS held USING (request_id)
WHERE
    held.source_year = $2
    -- What the publisher changed, and not the rules by which it is read.
    AND held.status <> published.status
    AND held.source_status <> published.source_status
ORDER BY held.created_at, held.request_id
