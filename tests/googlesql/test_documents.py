"""Google's analyser accepts the queries that the documentation has an operator run."""

import re
import shlex
from pathlib import Path as File

import pytest

from analysis import Analysis
from engine import Catalogue, GoogleSql, Path
from record import Record
from script import Script

DOCUMENTS = File(__file__).resolve().parents[2] / "docs"
COMMAND = re.compile(r"bq query --use_legacy_sql=false '.*'")
# The dataset that Terraform makes, in which the run's loads are.
DATASET, LOADED = "toronto_311", "main"
REGION = "northamerica-northeast1"
# https://cloud.google.com/bigquery/docs/information-schema-jobs#schema
JOBS = {"creation_time": "TIMESTAMP", "user_email": "STRING", "total_bytes_billed": "INT64", "query": "STRING"}


def queries() -> list[str]:
    """Returns the statements in the order of the documents, as the shell passes them to bq."""
    texts = [page.read_text("utf-8") for page in sorted(DOCUMENTS.glob("*.md"))]
    commands = [command for text in texts for command in COMMAND.findall(text)]
    return [shlex.split(command)[-1].replace("$REGION", REGION) for command in commands]


@pytest.fixture(scope="module")
def catalogue(record: Record, engine: GoogleSql, analysis: Analysis) -> Catalogue:
    def named(path: Path) -> Path:
        return (record.project, DATASET, path[-1]) if path[-2:-1] == (LOADED,) else path

    tables = {named(path): columns for path, columns in analysis.columns.items()}
    tables["region", "INFORMATION_SCHEMA", "JOBS"] = {name: engine.type_of(kind) for name, kind in JOBS.items()}
    return Catalogue(record.project, tables=tables)


def test_documented_queries_are_accepted(catalogue: Catalogue, engine: GoogleSql) -> None:
    documented = queries()
    assert len(documented) > 3
    for query in documented:
        # A region is a project to the analyser, of which a catalogue has one.
        Script(engine, catalogue, query.replace(f"`region-{REGION}`.", ""), {}).analyse()
