-- The latest date of the publisher among the loaded versions, else the latest observation.
with current_versions as (
    select
        source_last_modified,
        epoch_us(last_observed_at) as observed_us
    from load_history
    qualify load_number = max(load_number) over (partition by partition)
)

select
    (
        select strftime(coalesce(max(source_last_modified), make_timestamp(max(observed_us))), '%Y-%m-%dT%H:%M:%SZ')
        from current_versions
    ),
    (select cast(max(created_on) as varchar) from marts.requests_by_day)
