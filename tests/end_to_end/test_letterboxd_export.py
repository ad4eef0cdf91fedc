"""A whole Letterboxd export ends with the number of distinct films that it truly holds.

The number is worked out here with nothing but the csv module. A film is known by its address in
watched, ratings, watchlist, likes and lists; diary and reviews have addresses of entries, so a row
of theirs is a further film only where no other file has its name and year.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

from local_stack.processes import ROOT
from local_stack.samples.default_sample import write_default_sample
from local_stack.stack import StandIn
from tests.support.driving import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.driving import Driver

REAL_EXPORT = ROOT.parent / "shared" / "data" / "letterboxd-export"
"""A real export of 3,878 films, where somebody has put one beside the repository."""
OF_ENTRIES = {"diary.csv", "reviews.csv"}
WITHOUT_FILMS = {"profile.csv"}


def distinct_films(folder: Path) -> int:
    """How many films an export holds."""
    films: set[str] = set()
    named: set[tuple[str, str]] = set()
    entries: set[tuple[str, str]] = set()
    for path in folder.rglob("*.csv"):
        if path.name in WITHOUT_FILMS:
            continue
        for row in _rows(path):
            name = (row["Name"], row["Year"])
            if path.name in OF_ENTRIES:
                entries.add(name)
            else:
                films.add(row.get("Letterboxd URI") or row["URL"])
                named.add(name)
    return len(films) + len(entries - named)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a file below its header of films, which a list has after one about itself."""
    header: list[str] | None = None
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            if {"Name", "Year"} <= set(row):
                header = row
            elif row and header:
                yield dict(zip(header, row, strict=False))


@pytest.fixture
async def quick(dsn: str, tmp_path: Path) -> AsyncIterator[Driver]:
    """A stack that answers thousands of films in seconds."""
    async with running(dsn, tmp_path, stand_in=StandIn(limit=2000, period=1.0)) as driving:
        yield driving


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "which",
    [
        "written",
        pytest.param(
            "real",
            marks=pytest.mark.skipif(
                not REAL_EXPORT.is_dir(), reason=f"nobody has put a real export at {REAL_EXPORT}"
            ),
        ),
    ],
)
async def test_an_export_ends_with_the_right_number_of_films(
    quick: Driver, tmp_path: Path, which: str
) -> None:
    folder = REAL_EXPORT
    if which == "written":
        folder = tmp_path / "export"
        write_default_sample(folder, films=400, seed=7)
    films = distinct_films(folder)

    answer = await quick.post_folder(folder)

    assert answer.status == 201
    assert answer.body["total_movies"] == films
    session_id = answer.body["session_id"]
    status = await quick.completed(session_id, seconds=240)
    assert status["total_movies"] == films
    assert len(await quick.movies(session_id)) == films
    assert status["failed_count"] == 0
    await quick.audit()
