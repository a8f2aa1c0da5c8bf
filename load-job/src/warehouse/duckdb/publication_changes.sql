CREATE TABLE IF NOT EXISTS publication_changes (
    source_year INTEGER NOT NULL,
    load_number BIGINT NOT NULL,
    old_fingerprint VARCHAR,
    new_fingerprint VARCHAR NOT NULL,
    content_changed BOOLEAN NOT NULL,
    old_observed_at TIMESTAMP WITH TIME ZONE,
    new_observed_at TIMESTAMP WITH TIME ZONE,
    rows_before BIGINT NOT NULL,
    rows_after BIGINT NOT NULL,
    rows_added BIGINT NOT NULL,
    rows_gone BIGINT NOT NULL,
    rows_restatused BIGINT NOT NULL,
    rows_relabelled BIGINT NOT NULL,
    PRIMARY KEY (source_year, load_number)
)
