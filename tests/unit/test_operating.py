"""The operators' page names every event that the services log, and none that they do not."""

from __future__ import annotations

import ast
import re

from local_stack.processes import ROOT

LEVELS = {"debug", "info", "warning", "error", "exception"}
SERVICES = ("api_service", "enrich_service", "shared")


def test_the_events_on_the_page_are_those_of_the_code() -> None:
    logged = {
        name
        for service in SERVICES
        for path in (ROOT / service).rglob("*.py")
        for name in _events(ast.parse(path.read_text("utf-8")))
    }
    page = (ROOT / "docs" / "operating.md").read_text("utf-8")
    told = {
        name
        for table in re.findall(r"^\| event \|.*\n\|[-|]+\n((?:\|.*\n)+)", page, re.MULTILINE)
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1])
    }
    assert len(logged) > 40
    assert logged - told == set(), "logged and not on the page"
    assert told - logged == set(), "on the page and never logged"


def _events(code: ast.Module) -> set[str]:
    calls = [
        node
        for node in ast.walk(code)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LEVELS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    ]
    return {name for call in calls for name in _names(call.args[0], code)}


def _names(argument: ast.expr, code: ast.Module) -> set[str]:
    """What an event is called: written there, or in what is assigned to the variable there."""
    if isinstance(argument, ast.Name):
        values = [
            part
            for node in ast.walk(code)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == argument.id
            for part in (
                (node.value.body, node.value.orelse)
                if isinstance(node.value, ast.IfExp)
                else (node.value,)
            )
        ]
        assert values, ast.unparse(argument)
    else:
        values = [argument]
    return {ast.literal_eval(value) for value in values}
