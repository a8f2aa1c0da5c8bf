"""DuckDB with the cheapest SQL found: casts and slices for patterns, partitioning by a hash instead of a text."""

import duckdb

from outputs import COLUMNS, DIVISIONS_WITH_COMMAS, SECTION_WITH_COMMA, THREADS, arguments, in_utf_8, write_manifest

source, output = arguments()
source = in_utf_8(source, output)
connection = duckdb.connect(config={"threads": THREADS})
connection.execute("SET TimeZone = 'America/Toronto'")
# In the hour that occurs twice DuckDB uses the later instant, the contract the earlier one.
connection.execute(f"SET temp_directory = '{output}.spill'")
columns = dict.fromkeys((*COLUMNS, "extra"), "VARCHAR")
ward_id = """CASE WHEN right(ward, 1) = ')' AND ward[-4] = '(' THEN try_cast(ward[-3:-2] AS INTEGER) END"""
valid_fsa = """length(fsa) = 3 AND fsa[1] = 'M' AND fsa[2] BETWEEN '0' AND '9' AND fsa[3] BETWEEN 'A' AND 'Z'"""
connection.execute(f"""
    CREATE TEMP TABLE typed AS
    WITH fields AS (
        SELECT row_number() OVER () + 1 AS source_row, extra IS NOT NULL AS repaired,
            trim(section || ',' || extra) = '{SECTION_WITH_COMMA}' AS comma_in_section, trim(created) AS created,
            try_cast(created AS TIMESTAMP) AS created_local, trim(source_status) AS source_status, trim(fsa) AS fsa,
            trim(street_1) AS street_1, trim(street_2) AS street_2, replace(trim(ward), '’', '''') AS ward,
            replace(trim("type"), '||', ',') AS service_request_type,
            trim(CASE WHEN extra IS NULL OR comma_in_section THEN division
                      ELSE division || ',' || section END) AS division,
            trim(CASE WHEN extra IS NULL THEN section WHEN comma_in_section THEN section || ',' || extra
                      ELSE extra END) AS section
        FROM read_csv('{source}', columns = {columns}, delim = ',', quote = '"', escape = '"', header = false, skip = 1,
                      auto_detect = false, null_padding = true, store_rejects = true, rejects_limit = 0)),
    placed AS (SELECT *, {ward_id} AS ward_id, {valid_fsa} AS has_fsa FROM fields)
    SELECT *,
        CASE WHEN section IS NULL
                OR (repaired AND NOT comma_in_section AND division NOT IN {DIVISIONS_WITH_COMMAS}) THEN 'field_count'
             WHEN created_local IS NULL THEN 'invalid_created_at'
             WHEN year(created_local) <> 2025 THEN 'created_in_other_year'
             WHEN service_request_type = '' THEN 'missing_service_request_type'
             WHEN ward_id IS NULL AND NOT has_fsa THEN 'no_ward_and_no_fsa' END AS reason
    FROM placed
""")  # noqa: S608, the arguments of the bench and the names above
connection.execute(f"""
    COPY (
        SELECT unhex(md5(concat_ws(chr(31), created, fsa, street_1, street_2, ward, service_request_type, division,
                section) || chr(31) || ordinal)) AS request_id,
            CASE WHEN created_local >= TIMESTAMP '2025-11-02 01:00:00'
                AND created_local < TIMESTAMP '2025-11-02 02:00:00'
            THEN created_local::TIMESTAMPTZ - INTERVAL 1 HOUR ELSE created_local::TIMESTAMPTZ END AS created_at,
            date_diff('hour', timezone('UTC', created_at), created_local)::INTEGER AS utc_offset_hours,
            CASE WHEN source_status IN ('In-progress', 'In-Progress') THEN 'In Progress'
                 WHEN source_status = 'Canceled' THEN 'Cancelled' ELSE source_status END AS status,
            source_status, CASE WHEN has_fsa THEN fsa END AS fsa, nullif(street_1, '') AS street_1,
            nullif(street_2, '') AS street_2, ward_id, CASE WHEN ward_id IS NOT NULL THEN ward[:-6] END AS ward_name,
            CASE WHEN ward_id IS NOT NULL THEN 25 END AS ward_model, service_request_type, division, section,
            CASE WHEN month(created_local) IN (12, 1, 2) THEN 'winter' WHEN month(created_local) < 6 THEN 'spring'
                 WHEN month(created_local) < 9 THEN 'summer' ELSE 'fall' END AS season,
            repaired, 2025 AS source_year, source_row::INTEGER AS source_row, left(created, 7) AS month
        FROM (
            SELECT *, row_number() OVER (
                PARTITION BY hash(created, fsa, street_1, street_2, ward, service_request_type, division, section)
                ORDER BY source_row) AS ordinal
            FROM typed WHERE reason IS NULL)
        ORDER BY month, service_request_type, ward_id NULLS LAST, created_local
    ) TO '{output}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (month), OVERWRITE_OR_IGNORE)
""")  # noqa: S608, the arguments of the bench and the names above
connection.execute(f"""
    COPY (SELECT * FROM typed WHERE reason IS NOT NULL)
    TO '{output}/quarantine.parquet' (FORMAT parquet, COMPRESSION zstd)
""")  # noqa: S608, the arguments of the bench and the names above
write_manifest(output)
