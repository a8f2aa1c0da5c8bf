"""Every model of the dbt project has the types of its contract, and Google's reference implementation computes the
rows of every mart that DuckDB has. The scenario `equality` holds DuckDB's and the emulator's rows against each other.
"""

from collections import Counter

import pytest

from analysis import Analysis
from engine import GoogleSql, SqlError
from evaluation import Evaluation
from record import Record


def test_a_model_has_the_types_of_its_contract(
    model: str, record: Record, engine: GoogleSql, analysis: Analysis
) -> None:
    columns = record.nodes("model")[model]["columns"].values()
    contract = {column["name"]: engine.type_of(column["data_type"]) for column in columns if column["data_type"]}
    found = analysis.created[model].columns
    assert contract.items() <= found.items()


def test_google_computes_the_rows_that_duckdb_has(mart: str, evaluation: Evaluation) -> None:
    google, duckdb = Counter(evaluation.model(mart).rows), Counter(evaluation.in_duckdb(mart).rows)
    assert duckdb, "two empty tables would be equal whatever the model is"
    assert list((google - duckdb).elements())[:3] == []
    assert list((duckdb - google).elements())[:3] == []


def test_the_evaluator_has_no_geography(engine: GoogleSql) -> None:
    with pytest.raises(SqlError, match="Unsupported built-in function: st_geogpoint"):
        engine.evaluate("select st_geogpoint(-79.4, 43.7)", {})
