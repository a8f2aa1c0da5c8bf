"""Google's own clients, which share no code with the pipeline, for its tests. `commands.py` says how to call them.

objects BUCKET                    the SHA-256 of every object
served BUCKET                     the type, the caching and the encoding with which every object is served
copy BUCKET DIRECTORY             every object as a file of its name; their names
flip BUCKET NAME                  flips a bit in the middle of an object
query PROJECT DATASET SQL         the rows of a query
digest PROJECT DATASET SQL        their count and a digest of them in any order
remove PROJECT DATASET            removes the dataset's tables and views
tables PROJECT DATASET...         every table: its row count and a digest of its rows in any order

The emulators are named by STORAGE_EMULATOR_HOST and BIGQUERY_EMULATOR_HOST.
"""

import hashlib
import pathlib
import sys

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery, storage

from commands import run
from digests import LEFT_OUT, TABLES_LEFT_OUT, table_digest


def bucket_of(name: str) -> storage.Bucket:
    return storage.Client(project="emulated", credentials=AnonymousCredentials()).bucket(name)


def objects(bucket: str) -> dict:
    blobs = bucket_of(bucket).list_blobs()
    return {blob.name: hashlib.sha256(blob.download_as_bytes(checksum="crc32c")).hexdigest() for blob in blobs}


def served(bucket: str) -> dict:
    blobs = bucket_of(bucket).list_blobs()
    return {blob.name: [blob.content_type, blob.cache_control, blob.content_encoding] for blob in blobs}


def copy(bucket: str, directory: str) -> dict:
    blobs = list(bucket_of(bucket).list_blobs())
    for blob in blobs:
        path = pathlib.Path(directory, blob.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        blob.download_to_filename(path, checksum="crc32c")
    return {"names": [blob.name for blob in blobs]}


def flip(bucket: str, name: str) -> dict:
    blob = bucket_of(bucket).blob(name)
    content = bytearray(blob.download_as_bytes())
    content[len(content) // 2] ^= 1
    blob.upload_from_string(bytes(content))
    return {}


def client_of(project: str) -> bigquery.Client:
    return bigquery.Client(project=project, credentials=AnonymousCredentials())


def rows_of(project: str, dataset: str, sql: str) -> bigquery.table.RowIterator:
    config = bigquery.QueryJobConfig(default_dataset=f"{project}.{dataset}")
    return client_of(project).query(sql, job_config=config).result()


def query(project: str, dataset: str, sql: str) -> dict:
    return {"rows": [list(row.values()) for row in rows_of(project, dataset, sql)]}


def digest(project: str, dataset: str, sql: str) -> dict:
    rows = rows_of(project, dataset, sql)
    names = [field.name for field in rows.schema]
    return {"digest": table_digest(names, (row.values() for row in rows))}


def remove(project: str, dataset: str) -> dict:
    client = client_of(project)
    for table in client.list_tables(f"{project}.{dataset}"):
        if table.table_type == "VIEW":
            # bqemulator's `tables.delete` drops tables alone, and answers 500 for a view.
            client.query(f"drop view `{table.reference}`").result()
        else:
            client.delete_table(table)
    return {}


def tables(project: str, datasets: list[str]) -> dict:
    client = client_of(project)
    result = {}
    for dataset in datasets:
        for table in client.list_tables(f"{project}.{dataset}"):
            if table.table_type == "TABLE" and table.table_id not in TABLES_LEFT_OUT:
                # bqemulator returns bytes as they are, not in base 64.
                columns = [
                    f"to_hex({field.name}) as {field.name}" if field.field_type == "BYTES" else f"`{field.name}`"
                    for field in client.get_table(table).schema
                    if field.name not in LEFT_OUT
                ]
                name = f"`{project}.{dataset}.{table.table_id}`"
                sql = f"select {', '.join(columns)} from {name}"  # noqa: S608, the names are the catalogue's
                rows = client.query(sql).result()
                names = [field.name for field in rows.schema]
                result[f"{dataset}.{table.table_id}"] = table_digest(names, (row.values() for row in rows))
    return result


COMMANDS = {
    "objects": lambda arguments: objects(arguments[0]),
    "served": lambda arguments: served(arguments[0]),
    "copy": lambda arguments: copy(*arguments),
    "flip": lambda arguments: flip(*arguments),
    "query": lambda arguments: query(*arguments),
    "digest": lambda arguments: digest(*arguments),
    "remove": lambda arguments: remove(*arguments),
    "tables": lambda arguments: tables(arguments[0], arguments[1:]),
}

if __name__ == "__main__":
    run(COMMANDS, sys.argv[1:])
