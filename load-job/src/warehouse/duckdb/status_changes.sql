CREATE TABLE IF NOT EXISTS status_changes (
    source_year INTEGER NOT NULL,
    request_id BLOB NOT NULL,
    old_status VARCHAR NOT NULL,
    new_status VARCHAR NOT NULL,
    old_last_modified TIMESTAMP,
    new_last_modified TIMESTAMP,
    old_fingerprint VARCHAR NOT NULL,
    new_fingerprint VARCHAR NOT NULL,
    old_observed_at TIMESTAMP WITH TIME ZONE,
    new_observed_at TIMESTAMP WITH TIME ZONE,
    load_number BIGINT
)
