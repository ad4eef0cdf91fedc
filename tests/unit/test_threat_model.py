"""Every threat of the model has tests that are there, and an id of its own."""

from __future__ import annotations

import ast
import re

from local_stack.processes import ROOT

PAGE = ROOT / "docs" / "threat-model.md"
NONE_YET = "- none yet"
_THREAT = re.compile(r"^\*\*(T\d\d)\.\*\* ((?:.+\n)+)\n((?:- .+\n)*)", re.MULTILINE)
_TEST = re.compile(r"- `(tests/[\w/]+\.py)(?:::(test_\w+))?`")


def threats() -> dict[str, list[str]]:
    """Return the lines below each threat, by its id."""
    found = _THREAT.findall(PAGE.read_text("utf-8"))
    ids = [name for name, _, _ in found]
    assert len(ids) == len(set(ids)), "an id is of one threat"
    assert ids == sorted(ids)
    return {name: lines.splitlines() for name, _, lines in found}


def test_every_threat_names_tests_or_says_that_there_is_none() -> None:
    every = threats()
    assert len(every) == len(re.findall(r"^\*\*T\d\d\.", PAGE.read_text("utf-8"), re.MULTILINE))
    assert len(every) > 20
    for name, lines in every.items():
        assert lines, name
        if lines != [NONE_YET]:
            assert all(_TEST.fullmatch(line) for line in lines), name


def test_every_test_that_the_model_names_is_there() -> None:
    for name, lines in threats().items():
        for path, test in (found for line in lines for found in _TEST.findall(line)):
            file = ROOT / path
            assert file.is_file(), f"{name}: {path}"
            there = {
                node.name
                for node in ast.walk(ast.parse(file.read_text("utf-8")))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            }
            assert not test or test in there, f"{name}: {path}::{test}"
            assert any(function.startswith("test_") for function in there), f"{name}: {path}"
