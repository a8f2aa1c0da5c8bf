-- The latest date of the publisher among the loaded versions, else the latest observation.
WITH current_versions AS (
    SELECT
        source_last_modified,
        last_observed_at
    FROM `{dataset}.load_history`
    WHERE true
    QUALIFY load_number = max(load_number) OVER (PARTITION BY `partition`)
)

SELECT
    (
        SELECT format_datetime(
            '%Y-%m-%dT%H:%M:%SZ', coalesce(max(source_last_modified), datetime(max(last_observed_at)))
        )
        FROM current_versions
    ),
    (SELECT cast(max(created_on) AS string) FROM `{project}.marts.requests_by_day`)
