"""Exports of many services, each read right to the value: states, ratings, days, ids, lists' names.

Where somebody has put a folder of reported lists beside the repository, those are read as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from api_service.lists.formats import DECLARED
from local_stack.processes import ROOT
from tests.support.list_reading import read, zipped

EXPORTS = Path(__file__).with_name("service_exports")
REPORTED = ROOT.parent / "shared" / "data" / "reported-lists"
EXPECTED, OF_REPORTED = (
    json.loads((EXPORTS / name).read_text("utf-8"))
    for name in ("expected.json", "expected_of_reported.json")
)
"""By file the codes of what is set aside or noted, and the films: title, marks (w watched, l on the
watchlist, h liked), rating as given, days, lists."""


def content_of(path: Path) -> bytes:
    """Return a file; of a folder, the archive that it stands for."""
    if path.is_file():
        return path.read_bytes()
    return zipped({member.name: member.read_bytes() for member in path.iterdir()})


def check(path: Path, expected: dict[str, list[Any]]) -> None:
    found = read({path.name: content_of(path)})
    assert found.films == [tuple(film) for film in expected["films"]]
    assert [code for _, code in found.aside + found.notes] == expected["codes"]
    assert found.report["rejected_count"] == 0


@pytest.mark.parametrize("name", EXPECTED)
def test_export_of_a_service_is_read_right_to_the_value(name: str) -> None:
    check(EXPORTS / name, EXPECTED[name])


@pytest.mark.skipif(not REPORTED.is_dir(), reason="no reported lists beside the repository")
@pytest.mark.parametrize("name", OF_REPORTED)
def test_reported_list_is_read_right_to_the_value(name: str) -> None:
    check(REPORTED / name, OF_REPORTED[name])


def test_every_declared_format_has_a_sample() -> None:
    formats = {one for name in EXPECTED for one in read({name: content_of(EXPORTS / name)}).formats}
    assert {declared.name for declared in DECLARED} <= formats
