INSERT INTO load_history
SELECT
    $1 AS partition,
    coalesce((SELECT max(load_number) FROM load_history WHERE partition = $1), 0) + 1 AS load_number,
    $2 AS fingerprint,
    $3 AS clean_manifest,
    $4 AS raw_manifest,
    cast($5 AS TIMESTAMP) AS source_last_modified,
    $6 AS source_sha256,
    $7 AS contract_version,
    $8 AS logic_version,
    $9 AS rows_read,
    $10 AS rows_kept,
    $11 AS rows_repaired,
    $12 AS rows_quarantined,
    cast($13 AS JSON) AS quarantined_by_reason,
    cast($14 AS JSON) AS drift,
    now() AS loaded_at,
    $15 AS run_id
