INSERT INTO `{dataset}.status_changes` (
    source_year, request_id, old_status, new_status, old_last_modified, new_last_modified, old_fingerprint, new_fingerprint,
    old_observed_at, new_observed_at, load_number
)
SELECT
    existing.source_year,
    existing.request_id,
    existing.status,
    published.status,
    CAST(@current_last_modified AS DATETIME),
    CAST(@source_last_modified AS DATETIME),
    @current_fingerprint,
    @fingerprint,
    CAST(@current_observed_at AS TIMESTAMP),
    CAST(@observed_at AS TIMESTAMP),
    @load_number
FROM `{dataset}.{staged_rows}` AS published
INNER JOIN `{dataset}.service_requests` AS existing ON published.request_id = existing.request_id
WHERE
    existing.source_year = @year
    AND existing.created_at >= CAST(@year_begins AS TIMESTAMP)
    AND existing.created_at < CAST(@year_is_over AS TIMESTAMP)
    -- Only changes by the publisher, not by the rules that map its statuses.
    AND @content_changed
    AND existing.status != published.status
    AND existing.source_status != published.source_status;

INSERT INTO `{dataset}.publication_changes` (
    source_year, load_number, old_fingerprint, new_fingerprint, content_changed, old_observed_at, new_observed_at,
    rows_before, rows_after, rows_added, rows_gone, rows_restatused, rows_relabelled
)
SELECT
    @year,
    @load_number,
    @current_fingerprint,
    @fingerprint,
    @content_changed,
    CAST(@current_observed_at AS TIMESTAMP),
    CAST(@observed_at AS TIMESTAMP),
    @rows_before,
    @rows_after,
    @rows_added,
    @rows_gone,
    @rows_restatused,
    @rows_relabelled;

DELETE FROM `{dataset}.service_requests`
WHERE
    source_year = @year
    AND created_at >= CAST(@year_begins AS TIMESTAMP)
    AND created_at < CAST(@year_is_over AS TIMESTAMP);

INSERT INTO `{dataset}.service_requests` ({row_columns})
SELECT {row_columns} FROM `{dataset}.{staged_rows}`;

DELETE FROM `{dataset}.quarantined_requests` WHERE source_year = @year;

INSERT INTO `{dataset}.quarantined_requests` ({quarantine_columns})
SELECT {quarantine_columns} FROM `{dataset}.{staged_quarantine}`;

IF (
    SELECT COUNT(*) FROM `{dataset}.service_requests`
    WHERE
        source_year = @year
        AND created_at >= CAST(@year_begins AS TIMESTAMP)
        AND created_at < CAST(@year_is_over AS TIMESTAMP)
) != @rows_kept THEN
    SELECT ERROR('{miscounted}');
END IF;

IF (SELECT COUNT(*) FROM `{dataset}.quarantined_requests` WHERE source_year = @year) != @rows_quarantined THEN
    SELECT ERROR('{miscounted}');
END IF;

