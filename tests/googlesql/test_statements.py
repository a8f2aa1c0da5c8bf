"""Google's analyser accepts every statement that a whole run sends to BigQuery, and would notice a mistake."""

from analysis import Analysis
from record import Record


def test_every_statement_is_accepted(analysis: Analysis) -> None:
    assert analysis.queries
    # The first build asks what is published, and learns by this that nothing is.
    first, *others = analysis.refused
    assert "Table not found" in first
    assert "published_marts" in first
    assert not others, "\n\n".join(others)


def test_every_dbt_node_was_sent(record: Record, analysis: Analysis) -> None:
    sent = {query.node for query, _ in analysis.queries}
    assert record.nodes("model", "test").keys() <= sent
