"""DuckDB in the style of its documentation: regular expressions, strptime, window functions."""

import duckdb

from outputs import COLUMNS, DIVISIONS_WITH_COMMAS, SECTION_WITH_COMMA, THREADS, arguments, in_utf_8, write_manifest

source, output = arguments()
source = in_utf_8(source, output)
connection = duckdb.connect(config={"threads": THREADS})
connection.execute("SET TimeZone = 'America/Toronto'")
# In the hour that occurs twice DuckDB uses the later instant, the contract the earlier one.
connection.execute(f"SET temp_directory = '{output}.spill'")
columns = dict.fromkeys((*COLUMNS, "extra"), "VARCHAR")
connection.execute(f"""
    CREATE TEMP TABLE raw AS
    SELECT row_number() OVER () + 1 AS source_row,
        trim(section || ',' || extra) = '{SECTION_WITH_COMMA}' AS comma_in_section, *
    FROM read_csv('{source}', columns = {columns}, delim = ',', quote = '"', escape = '"', header = false, skip = 1,
                  auto_detect = false, null_padding = true, store_rejects = true, rejects_limit = 0)
""")  # noqa: S608, the arguments of the bench and the names above
connection.execute(f"""
    CREATE TEMP TABLE typed AS
    WITH fields AS (
        SELECT source_row, extra IS NOT NULL AS repaired, comma_in_section,
            trim(created) AS created,
            try_strptime(left(trim(created), 19), '%Y-%m-%d %H:%M:%S') AS created_local,
            trim(source_status) AS source_status,
            CASE WHEN regexp_full_match(trim(fsa), 'M[0-9][A-Z]') THEN trim(fsa) END AS fsa,
            nullif(trim(street_1), '') AS street_1, nullif(trim(street_2), '') AS street_2,
            replace(nullif(regexp_extract(trim(ward), '^(.*) \\((\\d\\d)\\)$', 1), ''), '’', '''') AS ward_name,
            try_cast(nullif(regexp_extract(trim(ward), '^(.*) \\((\\d\\d)\\)$', 2), '') AS INTEGER) AS ward_id,
            replace(trim("type"), '||', ',') AS service_request_type,
            trim(CASE WHEN extra IS NULL OR comma_in_section THEN division
                      ELSE division || ',' || section END) AS division,
            trim(CASE WHEN extra IS NULL THEN section WHEN comma_in_section THEN section || ',' || extra
                      ELSE extra END) AS section
        FROM raw)
    SELECT *, CASE WHEN created_local >= TIMESTAMP '2025-11-02 01:00:00'
                AND created_local < TIMESTAMP '2025-11-02 02:00:00'
            THEN created_local::TIMESTAMPTZ - INTERVAL 1 HOUR ELSE created_local::TIMESTAMPTZ END AS created_at,
        CASE WHEN regexp_full_match(source_status, '(?i)in[- ]progress') THEN 'In Progress'
             WHEN source_status = 'Canceled' THEN 'Cancelled' ELSE source_status END AS status,
        CASE WHEN month(created_local) IN (12, 1, 2) THEN 'winter' WHEN month(created_local) < 6 THEN 'spring'
             WHEN month(created_local) < 9 THEN 'summer' ELSE 'fall' END AS season,
        CASE WHEN section IS NULL
                OR (repaired AND NOT comma_in_section AND division NOT IN {DIVISIONS_WITH_COMMAS}) THEN 'field_count'
             WHEN created_local IS NULL THEN 'invalid_created_at'
             WHEN year(created_local) <> 2025 THEN 'created_in_other_year'
             WHEN service_request_type = '' THEN 'missing_service_request_type'
             WHEN ward_id IS NULL AND fsa IS NULL THEN 'no_ward_and_no_fsa' END AS reason
    FROM fields
""")  # noqa: S608, the arguments of the bench and the names above
identity = """concat_ws(chr(31), created, coalesce(fsa, ''), coalesce(street_1, ''), coalesce(street_2, ''),
    coalesce(ward_name, ''), service_request_type, division, section)"""
connection.execute(f"""
    COPY (
        SELECT unhex(md5({identity} || chr(31)
                || (row_number() OVER (PARTITION BY {identity} ORDER BY source_row))::VARCHAR)) AS request_id,
            created_at, date_diff('hour', timezone('UTC', created_at), created_local)::INTEGER AS utc_offset_hours,
            status, source_status, fsa, street_1, street_2, ward_id, ward_name,
            CASE WHEN ward_id IS NOT NULL THEN 25 END AS ward_model, service_request_type, division, section, season,
            repaired, 2025 AS source_year, source_row::INTEGER AS source_row, strftime(created_local, '%Y-%m') AS month
        FROM typed WHERE reason IS NULL
        ORDER BY month, service_request_type, ward_id NULLS LAST, created_at
    ) TO '{output}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month), OVERWRITE_OR_IGNORE)
""")  # noqa: S608, the arguments of the bench and the names above
connection.execute(f"""
    COPY (SELECT raw.*, reason FROM typed JOIN raw USING (source_row) WHERE reason IS NOT NULL)
    TO '{output}/quarantine.parquet' (FORMAT parquet, COMPRESSION zstd)
""")  # noqa: S608, the arguments of the bench and the names above
write_manifest(output)
