"""Whatever bytes come, they are rows or a clear refusal; and what was exported is read back."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api_service.lists.model import ListRefused
from api_service.lists.values.cells import read_title
from benchmarks.list_forms import FORMS
from tests.support.uploaded_lists import Read, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NAMES = st.sampled_from(
    ["", "watched.csv", "lists/x.csv", "likes/films.csv", "watchlist.csv", "movies.csv", "x.json"]
)
ODD = st.sampled_from(
    [b'"', b"\n", b"\r\n", b",", b";", b"\t", b"\0", b"\xff", b"\xc3", b"[", b"}", b"tt", b"\x85",
     b"\xef\xbb\xbf", b"9" * 40, b'""', b"\x1a", b"\xed\xa0\x80", "é".encode(), b"1e999", b"-"]
)  # fmt: skip


def read_or_refused(files: dict[str, str | bytes]) -> None:
    """Read an upload that may be refused, as long as the refusal says why."""
    refusals: list[ListRefused] = []
    found = attempt(files, refusals)
    if found is None:
        assert len(refusals[0].message) > 10
        assert refusals[0].line is None or refusals[0].line > 0
        return
    report = found.report
    assert len(found.movies) == report["total_movies"] > 0
    assert report["rows_merged"] >= 0
    assert all(len(movie["title"]) <= 500 for movie in found.movies)


def attempt(files: dict[str, str | bytes], refusals: list[ListRefused]) -> Read | None:
    try:
        return read(files)
    except ListRefused as refusal:
        # Without its traceback, which would keep half-read files open in a circle of references.
        refusals.append(refusal.with_traceback(None))
        return None


@cache
def sample(number: int) -> dict[str, bytes]:
    with TemporaryDirectory() as name:
        files = FORMS[number].write(Path(name), 3)
        return {file.name: file.path.read_bytes() for file in files}


@given(NAMES, st.binary(max_size=200) | st.lists(ODD | st.binary(max_size=5)).map(b"".join))
def test_any_bytes_are_rows_or_a_clear_refusal(name: str, content: bytes) -> None:
    read_or_refused({name: content})


@given(st.integers(0, len(FORMS) - 1), st.data())
def test_damaged_exports_are_rows_or_a_clear_refusal(number: int, data: st.DataObject) -> None:
    files: dict[str, str | bytes] = {}
    for name, whole in sample(number).items():
        content = whole
        for _ in range(data.draw(st.integers(0, 4))):
            at, end = sorted(data.draw(st.tuples(*[st.integers(0, len(content))] * 2)))
            end = min(end, at + data.draw(st.sampled_from([0, 1, 5, 10_000])))
            content = content[:at] + data.draw(ODD) + content[end:]
        files[name] = content
    read_or_refused(files)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(
                    ["title", "year", "ids", "movie", "show", "tmdb", "rating", "type"]
                ),
                inner,
                max_size=4,
            )
        ),
    )
)
def test_any_json_is_rows_or_a_clear_refusal(value: object) -> None:
    read_or_refused({"x.json": json.dumps(value)})
    read_or_refused({"x.json": json.dumps([value, {"title": "Heat"}])})


# -- what was exported is read back ----------------------------------------------------------------


class Entry(NamedTuple):
    title: str
    year: int
    halves: int
    day: date


TITLES = (
    st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1)
    .map(read_title)
    .filter(lambda title: title != "" and title.isprintable())
)
ENTRIES = st.lists(
    st.builds(
        Entry,
        title=TITLES,
        year=st.integers(1870, 2100),
        halves=st.integers(1, 10),
        day=st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    ),
    min_size=1,
    max_size=8,
)

Form = tuple[str, "Callable[[int, Entry], tuple[object, ...]]"]
WITH_DATES: dict[str, Form] = {
    "csv": (
        "Extra,Title,Year,Rating,tmdbID,Watched Date",
        lambda n, e: ("x", e.title, e.year, f"{e.halves / 2}/5", n, e.day),
    ),
    "letterboxd_diary": (
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date",
        lambda n, e: ("2020-01-01", f"{n} {e.title}", e.year, "", e.halves / 2, "", "", e.day),
    ),
    "trakt_history": (
        "watched_at,type,title,year,trakt_id,imdb_id,tmdb_id,rating",
        lambda n, e: (f"{e.day}T20:00:00Z", "movie", e.title, e.year, n, "", n, e.halves),
    ),
}
WITHOUT: dict[str, Form] = {
    "imdb_ratings": (
        "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,Year",
        lambda n, e: (f"tt{n:07}", e.halves, e.day, e.title, "", "", "Movie", e.year),
    ),
    "tmdb_ratings": (
        "TMDb ID,IMDb ID,Type,Name,Release Date,Rating,Your Rating,Date Rated",
        lambda n, e: (n, "", "movie", e.title, f"{e.year}-01-01", 1, f"{e.halves}.0", e.day),
    ),
    "trakt_ratings": (
        "rated_at,type,title,year,trakt_id,tmdb_id,rating",
        lambda n, e: (e.day, "movie", e.title, e.year, n, n, e.halves),
    ),
}


class Way(NamedTuple):
    """How a CSV is written."""

    delimiter: str
    encoding: str
    line_end: str


WAYS = st.builds(
    Way,
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)


@pytest.mark.parametrize("name", [*WITH_DATES, *WITHOUT])
@settings(max_examples=40)
@given(ENTRIES, WAYS, st.data())
def test_csv_is_read_back(name: str, entries: list[Entry], way: Way, data: st.DataObject) -> None:
    columns, cells = (WITH_DATES | WITHOUT)[name]
    order = data.draw(st.permutations(range(len(columns.split(",")))))
    header = [columns.split(",")[at] for at in order]
    header = [data.draw(st.sampled_from([str.upper, str.lower, str.title]))(h) for h in header]
    rows = [[cells(n, entry)[at] for at in order] for n, entry in enumerate(entries, 1)]
    found = read({"": written([header, *rows], way)})
    assert found.formats == [name]
    assert not found.report["rejected"]
    assert not found.notes
    prefix = name == "letterboxd_diary"
    assert found.column("title", "year") == [
        (f"{number} {entry.title}" if prefix else entry.title, str(entry.year))
        for number, entry in enumerate(entries, 1)
    ]
    ratings = [Decimal(rating) for (rating,) in found.column("rating")]
    assert ratings == [Decimal(entry.halves) / 2 for entry in entries]
    days = [f"{{{entry.day}}}" if name in WITH_DATES else "{}" for entry in entries]
    assert [day for (day,) in found.column("watch_dates")] == days


def written(rows: Sequence[Sequence[object]], way: Way) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=way.delimiter, lineterminator=way.line_end).writerows(rows)
    return text.getvalue().encode(way.encoding)


@given(ENTRIES, st.sampled_from([None, 2]), st.booleans())
def test_json_is_read_back(entries: list[Entry], indent: int | None, by_line: bool) -> None:  # noqa: FBT001  # as drawn
    items = [
        {
            "watched_at": f"{entry.day}T20:00:00.000Z",
            "type": "movie",
            "rating": entry.halves,
            "movie": {"title": entry.title, "year": entry.year, "ids": {"trakt": n, "tmdb": n}},
        }
        for n, entry in enumerate(entries, 1)
    ]
    content = "\n".join(map(json.dumps, items)) if by_line else json.dumps(items, indent=indent)
    found = read({"": content})
    assert found.formats == ["trakt_history"]
    assert found.column("title", "year", "watch_dates", "rating_original") == [
        (entry.title, str(entry.year), f"{{{entry.day}}}", f"{entry.halves}/10")
        for entry in entries
    ]


WORDS = st.lists(
    st.sampled_from(["Heat", "Amélie", "Ran", "Été", "&", "the", "García", "¿Quién?", "8½"]),
    min_size=1,
    max_size=5,
).map(" ".join)


@given(st.lists(st.tuples(WORDS, st.integers(1900, 2030)), min_size=1, max_size=8))
def test_titles_in_windows_1252_are_read_back(titles: list[tuple[str, int]]) -> None:
    lines = [f"{number} {title} ({year})" for number, (title, year) in enumerate(titles)]
    # Letters beyond ASCII may be too many to be sure that it is Windows-1252.
    found = attempt({"titles.txt": "\r\n".join(lines).encode("cp1252")}, [])
    if found:
        assert found.column("title", "year") == [
            (f"{number} {title}", str(year)) for number, (title, year) in enumerate(titles)
        ]
