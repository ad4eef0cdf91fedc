"""An export, read back as a list, gives back what the user had said, to the letter."""

from __future__ import annotations

import csv
import unicodedata
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from api_service.answers import MovieAnswer
from api_service.exporting import Exporter
from api_service.rules.lists.copying import MOVIE_COLUMNS, movie_line
from api_service.rules.lists.films import Film, Said
from api_service.rules.lists.model import UploadedFile
from api_service.rules.lists.ratings import rating_reader
from api_service.rules.lists.reading import MOVIES_FILE, read_lists
from shared.lookup_keys import title_key

SESSION = UUID(int=7)
USERS = [name for name in MOVIE_COLUMNS if name not in {"position", "origins", "former_key"}]

# What reading lets in: no controls, white space collapsed; what no spreadsheet may run is in it.
_CHARACTERS = st.characters(
    exclude_categories=["Cc", "Cs", "Cn", "Co", "Zs", "Zl", "Zp", "Cf"], codec="utf-8"
) | st.sampled_from("=+-@'\"; |")
TEXT = st.text(_CHARACTERS, min_size=1, max_size=12).map(
    lambda text: " ".join(unicodedata.normalize("NFC", text).split())
)
TITLES = TEXT.filter(lambda text: len(title_key(text, 1999)) < 200 and text.strip())
TAGS = TEXT.map(lambda text: " ".join(text.replace(",", " ").split())).filter(bool)
REVIEWS = st.lists(TEXT, min_size=1, max_size=3).map("\n".join).map(str.strip).filter(bool)


@st.composite
def movies(draw: st.DrawFn, position: int) -> dict[str, Any]:
    rating = draw(st.none() | st.integers(1, 10).map(lambda number: number / 2))
    watched = draw(st.booleans()) or rating is not None
    return {
        "position": position,
        # The number keeps films apart: which rows are one film is not the question here.
        "title": f"{draw(TITLES)} {position}",
        "year": draw(st.none() | st.integers(1870, 2100)),
        "watched": watched,
        "rating": rating,
        "watch_dates": sorted(
            draw(st.sets(st.dates(date(1900, 1, 1), date(2100, 12, 31)), max_size=3))
        ),
        "rewatches": draw(st.integers(0, 3)),
        "liked": draw(st.booleans()),
        "tags": draw(st.lists(TAGS, max_size=3, unique=True)),
        "review": draw(st.none() | REVIEWS),
        "in_watchlist": draw(st.booleans()),
        "lists": draw(st.lists(TEXT.filter(bool), max_size=3, unique=True)),
        "source_url": draw(st.none() | st.just(f"https://boxd.it/{position}")),
    }


def answer(movie: dict[str, Any]) -> MovieAnswer:
    nothing = dict.fromkeys(MovieAnswer.model_fields)
    lists: dict[str, object] = {
        name: [] for name in ("candidates", "genres", "directors", "cast", "countries", "languages")
    }
    return MovieAnswer.model_validate({**nothing, **lists, "outcome": "pending", **movie})


def read_back(text: str) -> list[dict[str, str]]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "upload"
        path.write_bytes(text.encode())
        read_lists([UploadedFile("x.csv", path)], max_movies=50, max_bytes=10**6, folder=folder)
        rows = csv.reader((folder / MOVIES_FILE).read_bytes().decode().splitlines(keepends=True))
        return [dict(zip(MOVIE_COLUMNS, row, strict=True)) for row in rows]


def stored(movie: dict[str, Any]) -> dict[str, str]:
    """The movie as the parser writes it down."""
    key = title_key(movie["title"], movie["year"])
    film = Film(movie["title"], movie["year"], key, 0)
    film.add_said(Said(**{name: movie[name] for name in Said.__slots__}))
    stars = rating_reader(5)(str(movie["rating"])) if movie["rating"] else None
    film.set_opinion(stars, movie["review"])
    if movie["source_url"]:
        film.addresses = (movie["source_url"],)
    (row,) = csv.reader(movie_line(1, film, key).splitlines(keepends=True))
    return dict(zip(MOVIE_COLUMNS, row, strict=True))


@settings(max_examples=60)
@given(st.integers(1, 4).flatmap(lambda count: st.tuples(*map(movies, range(1, count + 1)))))
def test_what_is_exported_whole_is_read_back_to_the_letter(
    exported: tuple[dict[str, Any], ...],
) -> None:
    exporter = Exporter(SESSION, "csv", None)
    lines = [exporter.line(answer(movie), "title:x|") for movie in exported]
    back = read_back("".join([exporter.head(), *lines]))
    assert sorted(
        ({name: row[name] for name in USERS} for row in back), key=lambda row: row["title"]
    ) == sorted(
        ({name: stored(movie)[name] for name in USERS} for movie in exported),
        key=lambda row: row["title"],
    )
