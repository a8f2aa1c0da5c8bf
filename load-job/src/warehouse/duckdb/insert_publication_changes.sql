INSERT INTO publication_changes
SELECT
    $1 AS source_year,
    $2 AS load_number,
    $3 AS old_fingerprint,
    $4 AS new_fingerprint,
    $5 AS content_changed,
    cast($6 AS TIMESTAMPTZ) AS old_observed_at,
    cast($7 AS TIMESTAMPTZ) AS new_observed_at,
    $8 AS rows_before,
    $9 AS rows_after,
    $10 AS rows_added,
    $11 AS rows_gone,
    $12 AS rows_restatused,
    $13 AS rows_relabelled
