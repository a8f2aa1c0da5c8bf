CREATE TABLE IF NOT EXISTS `{dataset}.refusals` (
    `partition` STRING NOT NULL,
    stage STRING NOT NULL,
    exit_code INT64 NOT NULL,
    cause STRING NOT NULL,
    observed_at TIMESTAMP NOT NULL,
    run_id STRING NOT NULL,
    refused_at TIMESTAMP NOT NULL
)
CLUSTER BY `partition`
OPTIONS (description = 'The partitions whose present publication was refused, with the latest verdict on each.')
