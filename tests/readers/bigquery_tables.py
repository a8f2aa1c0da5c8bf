"""The tables of a BigQuery project, read with Google's own client."""

from digests import LEFT_OUT, table_digest
from google.cloud import bigquery


def tables(client: bigquery.Client, datasets: list[str]) -> dict[str, list]:
    """Returns the row count and an order-independent digest of every table, by name."""
    result = {}
    for dataset in datasets:
        for table in client.list_tables(f"{client.project}.{dataset}"):
            # DuckDB, with which the tables are compared, has no need of a lock.
            if table.table_type == "TABLE" and table.table_id != "load_lock":
                # bqemulator returns bytes as they are, not in base 64.
                columns = [
                    f"to_hex({field.name}) as {field.name}" if field.field_type == "BYTES" else f"`{field.name}`"
                    for field in client.get_table(table).schema
                    if field.name not in LEFT_OUT
                ]
                name = f"`{client.project}.{dataset}.{table.table_id}`"
                rows = client.query(f"select {', '.join(columns)} from {name}").result()
                names = [field.name for field in rows.schema]
                result[f"{dataset}.{table.table_id}"] = table_digest(names, (row.values() for row in rows))
    return result
