DELETE FROM refusals
WHERE
    partition = $1
    AND observed_at <= cast($2 AS TIMESTAMPTZ)
