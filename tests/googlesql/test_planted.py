"""A mistake in the SQL of dbt or load-job is noticed, in every statement in which it can be made."""

import re
from dataclasses import replace

import pytest

from analysis import Analysis
from engine import GoogleSql, SqlError
from script import Script

# A pattern in SQL, and what a mistake makes of it.
MISTAKES = {
    "a type error": (r"(?i)(coalesce\([^()]*(?:\([^()]*\))?[^()]*), 0\)", r"\1, 'none')"),
    "a wrong argument order": (r"(?i)json_value\(([\w.]+), ('[^']+')\)", r"json_value(\2, \1)"),
    "a function that BigQuery lacks": (r"(?i)json_value\(", "json_extract_string("),
}


@pytest.mark.parametrize("job", ["dbt", "load-job"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed(mistake: str, job: str, analysis: Analysis, engine: GoogleSql) -> None:
    pattern, planted = MISTAKES[mistake]
    refused = set()
    for query, catalogue in analysis.queries:
        wrong = replace(query, sql=re.sub(pattern, planted, query.sql))
        if wrong != query and job == query.job and wrong.sql not in refused:
            with pytest.raises(SqlError):
                Script(engine, catalogue.copy(), wrong.sql, wrong.parameters).analyse()
            refused.add(wrong.sql)
    assert refused


def test_a_parameter_of_another_type_is_noticed(analysis: Analysis, engine: GoogleSql) -> None:
    year = {"year": engine.type_of("STRING")}
    by_year = [(query, catalogue) for query, catalogue in analysis.queries if "year" in query.parameters]
    assert by_year
    for query, catalogue in by_year:
        with pytest.raises(SqlError):
            Script(engine, catalogue, query.sql, query.parameters | year).analyse()
