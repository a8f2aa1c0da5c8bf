CREATE TABLE IF NOT EXISTS refusals (
    partition VARCHAR NOT NULL,
    stage VARCHAR NOT NULL,
    exit_code INTEGER NOT NULL,
    cause VARCHAR NOT NULL,
    observed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    run_id VARCHAR NOT NULL,
    refused_at TIMESTAMP WITH TIME ZONE NOT NULL,
    PRIMARY KEY (partition)
)
