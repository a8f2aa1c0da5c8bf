"""Scripts, analysed statement by statement.

https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language
"""

from dataclasses import dataclass, field

from zetasql import types

from engine import Catalogue, Columns, GoogleSql, Path


@dataclass(frozen=True)
class Created:
    """A table or view that a statement creates from a query."""

    path: Path
    columns: Columns
    query: str


@dataclass
class Script:
    """A script whose statements change `catalogue` as they are analysed."""

    engine: GoogleSql
    catalogue: Catalogue
    sql: str
    parameters: Columns
    created: list[Created] = field(default_factory=list)

    def analyse(self) -> list[Created]:
        """Analyses every statement, and returns what they create from queries.

        Raises SqlError on a statement that BigQuery would refuse, NotImplementedError on one that is not known here.
        """
        self._block(self.engine.parse(self.sql).statement_list_node)
        return self.created

    def _text(self, node: types.ASTNode) -> str:
        location = node.parse_location_range
        return self.sql.encode()[location.start : location.end].decode()

    def _block(self, block: types.ASTStatementList | None) -> None:
        for node in block.statement_list if block else []:
            self._statement(node)

    def _statement(self, node: types.ASTStatement) -> None:
        match node:
            case types.ASTIfStatement():
                self._condition(node.condition)
                self._block(node.then_list)
                for clause in node.elseif_clauses.elseif_clauses if node.elseif_clauses else []:
                    self._condition(clause.condition)
                    self._block(clause.body)
                self._block(node.else_list)
            case types.ASTVariableDeclaration():
                default = self._type(node.default_value) if node.default_value else None
                kind = self.engine.type_of(self._text(node.type)) if node.type else default
                for variable in node.variable_list.identifier_list:
                    self.catalogue.declare(variable.id_string, kind)
            case types.ASTSingleAssignment(expression=value) | types.ASTAssignmentFromStruct(struct_expression=value):
                self._type(value)
            case types.ASTScriptStatement():
                raise NotImplementedError(f"{type(node).__name__}: {self._text(node)}")
            case _:
                statement = self.engine.analyse(self._text(node), self.catalogue, self.parameters)
                self._execute(statement, node)

    def _condition(self, node: types.ASTExpression) -> None:
        self.engine.analyse(f"ASSERT {self._text(node)}", self.catalogue, self.parameters)

    def _type(self, node: types.ASTExpression) -> types.Type:
        query = self.engine.analyse(f"SELECT {self._text(node)}", self.catalogue, self.parameters)
        return query.output_column_list[0].column.type

    def _execute(self, statement: types.ResolvedStatement, node: types.ASTStatement) -> None:
        """Changes the catalogue as the statement changes BigQuery's."""
        match statement:
            case types.ResolvedCreateTableAsSelectStmt() | types.ResolvedCreateViewStmt():
                columns = {column.name: column.column.type for column in statement.output_column_list}
                self.catalogue.put(statement.name_path, columns)
                path = self.catalogue.full(statement.name_path)
                self.created.append(Created(path, columns, self._text(node.query)))
            case types.ResolvedCreateTableStmt():
                copied = statement.copy_from.column_list if statement.copy_from else statement.column_definition_list
                self.catalogue.put(statement.name_path, {column.name: column.type for column in copied})
            case types.ResolvedDropStmt():
                self.catalogue.drop(statement.name_path)
            case types.ResolvedAlterTableStmt():
                for action in statement.alter_action_list:
                    self._alter(statement.name_path, action)

    def _alter(self, path: Path, action: types.ResolvedAlterAction) -> None:
        columns = self.catalogue.columns(path)
        match action:
            case types.ResolvedAddColumnAction(column_definition=column):
                self.catalogue.put(path, columns | {column.name: column.type})
            case types.ResolvedRenameToAction(new_path=new):
                self.catalogue.drop(path)
                self.catalogue.put((*self.catalogue.full(path)[: -len(new)], *new), columns)
            case types.ResolvedSetOptionsAction():
                pass
            case _:
                raise NotImplementedError(f"{type(action).__name__} of {'.'.join(path)}")
