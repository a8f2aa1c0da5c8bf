"""What the tests share: the record of a run, Google's engine, and its analysis of the run's statements."""

from pathlib import Path as File

import pytest

from analysis import Analysis
from engine import GoogleSql
from evaluation import Evaluation
from record import Record


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--record", required=True, type=File, help="the directory that the scenario `equality` wrote")


@pytest.fixture(scope="session")
def record(request: pytest.FixtureRequest) -> Record:
    return Record(request.config.getoption("--record"))


@pytest.fixture(scope="session")
def engine() -> GoogleSql:
    return GoogleSql()


@pytest.fixture(scope="session")
def analysis(record: Record, engine: GoogleSql) -> Analysis:
    return Analysis(record, engine)


@pytest.fixture(scope="session")
def evaluation(record: Record, engine: GoogleSql, analysis: Analysis) -> Evaluation:
    return Evaluation(record, engine, analysis)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs each test of a `model` once per model of the dbt project, and each test of a `mart` once per mart."""
    models = Record(metafunc.config.getoption("--record")).nodes("model")
    if "model" in metafunc.fixturenames:
        metafunc.parametrize("model", models)
    if "mart" in metafunc.fixturenames:
        marts = [name for name, model in models.items() if model["config"]["schema"] == "marts"]
        metafunc.parametrize("mart", marts)
