CREATE TABLE IF NOT EXISTS `{dataset}.status_changes` (
    source_year INT64 NOT NULL,
    request_id BYTES NOT NULL,
    old_status STRING NOT NULL,
    new_status STRING NOT NULL,
    old_last_modified DATETIME,
    new_last_modified DATETIME,
    old_fingerprint STRING NOT NULL,
    new_fingerprint STRING NOT NULL,
    old_observed_at TIMESTAMP,
    new_observed_at TIMESTAMP,
    load_number INT64
)
CLUSTER BY source_year
OPTIONS (description = 'What a newer publication says otherwise of the status of a request.')
