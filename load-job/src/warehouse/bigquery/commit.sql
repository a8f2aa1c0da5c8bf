INSERT INTO `{dataset}.load_history` (
    `partition`, load_number, fingerprint, clean_manifest, raw_manifest, source_last_modified, source_sha256,
    contract_version, logic_version, raw_lines, blank_lines, rows_read, rows_kept, rows_repaired,
    rows_quarantined, quarantined_by_reason, drift, loaded_at, run_id, observed_at, last_observed_at, generated
)
SELECT
    @partition,
    @load_number,
    @fingerprint,
    @clean_manifest,
    @raw_manifest,
    CAST(@source_last_modified AS DATETIME),
    @source_sha256,
    @contract_version,
    @logic_version,
    @raw_lines,
    @blank_lines,
    @rows_read,
    @rows_kept,
    @rows_repaired,
    @rows_quarantined,
    PARSE_JSON(@quarantined_by_reason),
    PARSE_JSON(@drift),
    CURRENT_TIMESTAMP(),
    @run_id,
    CAST(@observed_at AS TIMESTAMP),
    CAST(@last_observed_at AS TIMESTAMP),
    @generated;

COMMIT TRANSACTION;
