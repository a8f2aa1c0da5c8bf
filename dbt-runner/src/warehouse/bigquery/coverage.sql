-- The latest date of the publisher among the loaded versions, else the latest observation.
with current_versions as (
    select
        source_last_modified,
        last_observed_at
    from `{dataset}.load_history`
    where true
    qualify load_number = max(load_number) over (partition by `partition`)
)

select
    (
        select format_datetime(
            '%Y-%m-%dT%H:%M:%SZ', coalesce(max(source_last_modified), datetime(max(last_observed_at)))
        )
        from current_versions
    ),
    (select cast(max(created_on) as string) from `{project}.marts.requests_by_day`)
