-- The latest date of the publisher among the loaded versions, else the latest observation.
WITH current_versions AS (
    SELECT
        source_last_modified,
        epoch_us(last_observed_at) AS observed_us
    FROM load_history
    QUALIFY load_number = max(load_number) OVER (PARTITION BY partition)
)

SELECT
    (
        SELECT strftime(coalesce(max(source_last_modified), make_timestamp(max(observed_us))), '%Y-%m-%dT%H:%M:%SZ')
        FROM current_versions
    ),
    (SELECT cast(max(created_on) AS varchar) FROM marts.requests_by_day)
