"""What Google's analyser says of the statements of a run."""

from engine import Catalogue, Columns, GoogleSql, Path, SqlError
from record import Query, Record, follow
from script import Created, Script


class Analysis:
    """Every statement of a run, analysed in the order in which they were sent."""

    def __init__(self, record: Record, engine: GoogleSql) -> None:
        # Each query with the tables that it saw.
        self.queries: list[tuple[Query, Catalogue]] = []
        self.refused: list[str] = []
        # What each dbt node created first, when nothing existed.
        self.created: dict[str, Created] = {}
        # Every table that there was, with its latest columns.
        self.columns: dict[Path, Columns] = {}
        catalogue = Catalogue(record.project)
        for request in record.requests:
            query = follow(request, catalogue, engine)
            if not query:
                continue
            catalogue.use(query.dataset)
            self.columns |= catalogue.tables
            self.queries.append((query, catalogue.copy()))
            try:
                created = Script(engine, catalogue, query.sql, query.parameters).analyse()
            except SqlError as error:
                self.refused.append(str(error))
                continue
            for table in created:
                self.created.setdefault(query.node or "", table)
