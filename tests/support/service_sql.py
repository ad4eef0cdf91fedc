"""Reads the SQL that stands in a service's code: which tables and columns it touches, and how."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pglast
from pglast import ast as sql
from pglast.visitors import Visitor

from local_stack.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGINS_LIKE_SQL = re.compile(
    r"\s*(select|insert into|update|delete from|with|create|analyze|set local|discard)\s", re.ASCII
)


@dataclass(slots=True)
class Needs:
    """What statements do to one table: columns that are written, rows that are read or deleted."""

    select: bool = False
    lock: bool = False
    delete: bool = False
    analyze: bool = False
    insert: set[str] = field(default_factory=set)
    update: set[str] = field(default_factory=set)

    @property
    def verbs(self) -> set[str]:
        """The privileges on the whole table that this takes, if no column were told apart."""
        named = ("select", "delete", "insert", "update")
        return {verb for verb in named if getattr(self, verb)}


def needs_of(service: str, tables: set[str]) -> dict[str, Needs]:
    """What a service does to each of these tables, in its own code and in what it shares."""
    found: dict[str, Needs] = defaultdict(Needs)
    for path in sorted(_modules_of(service)):
        for text in _statements(path):
            try:
                parsed = pglast.parse_sql(text)
            except pglast.Error:  # prose: PostgreSQL itself, whose parser this is, refuses it too
                continue
            for statement in parsed:
                if statement.stmt is not None:
                    _Reader(found, tables)(statement.stmt)
    return dict(found)


class _Reader(Visitor):
    """Notes what each part of a statement does."""

    def __init__(self, found: dict[str, Needs], tables: set[str]) -> None:
        super().__init__()
        self._found = found
        self._tables = tables

    def visit_RangeVar(self, _: object, node: Any) -> None:  # noqa: ANN401, N802  # the library's own
        """Whatever is named is read, if only for its conditions."""
        if node.relname in self._tables:
            self._found[node.relname].select = True

    def visit_SelectStmt(self, _: object, node: Any) -> None:  # noqa: ANN401, N802  # the library's own
        """A locking clause locks the tables beside it."""
        if not node.lockingClause:
            return
        for source in node.fromClause or ():
            for name in _tables_below(source):
                if name in self._tables:
                    self._found[name].lock = True

    def visit_InsertStmt(self, _: object, node: Any) -> None:  # noqa: ANN401, N802  # the library's own
        """Insertions, and the updates of those that conflict."""
        needs = self._found[node.relation.relname]
        needs.insert |= {column.name for column in node.cols}
        if node.onConflictClause and node.onConflictClause.targetList:
            needs.update |= {column.name for column in node.onConflictClause.targetList}

    def visit_UpdateStmt(self, _: object, node: Any) -> None:  # noqa: ANN401, N802  # the library's own
        """Updates."""
        needs = self._found[node.relation.relname]
        needs.update |= {column.name for column in node.targetList}

    def visit_DeleteStmt(self, _: object, node: Any) -> None:  # noqa: ANN401, N802  # the library's own
        """Deletions."""
        self._found[node.relation.relname].delete = True

    def visit_VacuumStmt(self, _: object, node: Any) -> None:  # noqa: ANN401, N802  # the library's own
        """ANALYZE."""
        for relation in node.rels:
            self._found[relation.relation.relname].analyze = True


def _tables_below(node: Any) -> Iterator[str | None]:  # noqa: ANN401  # any node
    if isinstance(node, sql.RangeVar):
        yield node.relname
    elif isinstance(node, sql.JoinExpr):
        yield from _tables_below(node.larg)
        yield from _tables_below(node.rarg)


def _statements(path: Path) -> Iterator[str]:
    code = ast.parse(path.read_text("utf-8"))
    told = {
        id(node.body[0].value)
        for node in ast.walk(code)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(code):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if id(node) not in told and BEGINS_LIKE_SQL.match(node.value):
            yield node.value


def _modules_of(service: str) -> set[Path]:
    """The service's modules and those of `shared` that they import, directly or not."""
    todo = list((ROOT / service).rglob("*.py"))
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        todo += [
            ROOT / f"{node.module.replace('.', '/')}.py"
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith("shared.")
        ]
    return seen
