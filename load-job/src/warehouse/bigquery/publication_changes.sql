CREATE TABLE IF NOT EXISTS `{dataset}.publication_changes` (
    source_year INT64 NOT NULL,
    load_number INT64 NOT NULL,
    old_fingerprint STRING,
    new_fingerprint STRING NOT NULL,
    content_changed BOOL NOT NULL,
    old_observed_at TIMESTAMP,
    new_observed_at TIMESTAMP,
    rows_before INT64 NOT NULL,
    rows_after INT64 NOT NULL,
    rows_added INT64 NOT NULL,
    rows_gone INT64 NOT NULL,
    rows_restatused INT64 NOT NULL,
    rows_relabelled INT64 NOT NULL
)
CLUSTER BY source_year
OPTIONS (description = 'How each version of a year that was loaded differs from the one before.')
