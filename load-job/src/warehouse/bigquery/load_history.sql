CREATE TABLE IF NOT EXISTS `{dataset}.load_history` (
    `partition` STRING NOT NULL,
    load_number INT64 NOT NULL,
    fingerprint STRING NOT NULL,
    clean_manifest STRING NOT NULL,
    raw_manifest STRING NOT NULL,
    source_last_modified DATETIME,
    source_sha256 STRING NOT NULL,
    contract_version STRING NOT NULL,
    logic_version INT64 NOT NULL,
    raw_lines INT64 NOT NULL,
    blank_lines INT64 NOT NULL,
    rows_read INT64 NOT NULL,
    rows_kept INT64 NOT NULL,
    rows_repaired INT64 NOT NULL,
    rows_quarantined INT64 NOT NULL,
    quarantined_by_reason JSON NOT NULL,
    drift JSON NOT NULL,
    loaded_at TIMESTAMP NOT NULL,
    run_id STRING NOT NULL,
    observed_at TIMESTAMP,
    last_observed_at TIMESTAMP,
    generated BOOL
)
CLUSTER BY `partition`
OPTIONS (description = 'Every version of a partition that was loaded, numbered; the highest is in the tables.')
