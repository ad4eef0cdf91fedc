"""The page of the guarantees is the list of them, and each test that it names is there."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from local_stack.processes import ROOT
from tests.guarantees import GUARANTEES
from tests.support.guarantee import Moment

if TYPE_CHECKING:
    from tests.support.guarantee import Guarantee

TESTS = ROOT / "tests"
PAGE = ROOT / "docs" / "reliability.md"
EACH = pytest.mark.parametrize("guarantee", GUARANTEES, ids=lambda guarantee: guarantee.id)
DECIDED = {Moment.ALWAYS: "SQL, at any moment", Moment.AT_REST: "SQL, at rest"}


def row_of(guarantee: Guarantee) -> str:
    """Return the line of the page's table."""
    decided = [DECIDED[guarantee.moment]] if guarantee.moment else []
    if guarantee.constraints:
        decided.append("constraints")
    stems = [re.sub(r".*/(test_\w+)\.py.*", r"`\1`", test) for test in guarantee.tests]
    return (
        f"| {guarantee.id} | {guarantee.sentence} | {' and '.join(decided) or 'the tests'} "
        f"| {guarantee.faults} | {', '.join(stems)} |"
    )


def test_the_page_lists_the_guarantees_and_no_others() -> None:
    table = re.findall(r"^\| G\d+ \|.*\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert table == [row_of(guarantee) for guarantee in GUARANTEES]


def test_guarantees_are_numbered_without_gaps() -> None:
    assert [guarantee.id for guarantee in GUARANTEES] == [
        f"G{number}" for number in range(1, len(GUARANTEES) + 1)
    ]


@EACH
def test_each_guarantee_is_decided_by_something(guarantee: Guarantee) -> None:
    assert guarantee.tests
    assert (guarantee.sql is None) == (guarantee.moment is None)


@EACH
def test_each_named_test_is_there(guarantee: Guarantee) -> None:
    for name in guarantee.tests:
        path, _, function = name.partition("::")
        module = ast.parse((TESTS / path).read_text("utf-8"))
        there = {
            node.name
            for node in ast.walk(module)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert any(name.startswith("test_") for name in there), path
        assert not function or function in there, name
