"""An export, read back as a list, gives back what the user had said, to the letter."""

from __future__ import annotations

import csv
import unicodedata
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from api_service.lists.files.spreadsheets import LETTERBOXD
from api_service.lists.merging.copying import MOVIE_COLUMNS, movie_line
from api_service.lists.merging.films import Film, Said
from api_service.lists.model import UploadedFile
from api_service.lists.reading import MOVIES_FILE, read_lists
from api_service.lists.values.ratings import rating_reader
from api_service.queries.movies import ExportQuery
from api_service.schemas.exports import Exporter
from api_service.schemas.sessions import MovieAnswer
from shared.lookup_keys import title_key

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    given_of = draw(st.sampled_from([5, 10, 100]))
    given = draw(st.none() | st.integers(1, given_of).map(lambda number: f"{number}/{given_of}"))
    rating = rating_reader(5)(given or "")
    watched = draw(st.booleans()) or rating is not None
    return {
        "position": position,
        # The number keeps films apart: which rows are one film is not the question here.
        "title": f"{draw(TITLES)} {position}",
        "year": draw(st.none() | st.integers(1870, 2100)),
        "watched": watched,
        "rating": float(rating.stars) if rating else None,
        "rating_original": given,
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


def read_back(text: str, name: str = "x.csv") -> list[dict[str, str]]:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        path = folder / "upload"
        path.write_bytes(text.encode())
        read_lists([UploadedFile(name, path)], max_movies=50, max_bytes=10**6, folder=folder)
        rows = csv.reader((folder / MOVIES_FILE).read_bytes().decode().splitlines(keepends=True))
        return [dict(zip(MOVIE_COLUMNS, row, strict=True)) for row in rows]


def stored(movie: dict[str, Any]) -> dict[str, str]:
    """The movie as the parser writes it down."""
    key = title_key(movie["title"], movie["year"])
    film = Film(movie["title"], movie["year"], key, 0)
    film.add_said(Said(**{name: movie[name] for name in Said.__slots__}))
    film.set_opinion(rating_reader(5)(movie["rating_original"] or ""), movie["review"])
    if movie["source_url"]:
        film.addresses = (movie["source_url"],)
    (row,) = csv.reader(movie_line(1, film, key).splitlines(keepends=True))
    return dict(zip(MOVIE_COLUMNS, row, strict=True))


def by_title(movies: Iterable[dict[str, str]], names: Iterable[str]) -> list[dict[str, str]]:
    chosen = list(names)
    return sorted(
        ({name: movie[name] for name in chosen} for movie in movies), key=lambda row: row["title"]
    )


@settings(max_examples=60)
@given(st.integers(1, 4).flatmap(lambda count: st.tuples(*map(movies, range(1, count + 1)))))
def test_what_is_exported_whole_is_read_back_to_the_letter(
    exported: tuple[dict[str, Any], ...],
) -> None:
    exporter = Exporter(SESSION, ExportQuery())
    lines = [exporter.line(answer(movie), "title:x|") for movie in exported]
    back = read_back("".join([exporter.head(), *lines]))
    assert by_title(back, USERS) == by_title(map(stored, exported), USERS)


# What Letterboxd's form has no column for; of a rating, the stars go there.
NOT_THERE = {"liked", "in_watchlist", "lists", "source_url", "rating_original"}


@settings(max_examples=60)
@given(
    exported=st.integers(1, 4).flatmap(lambda count: st.tuples(*map(movies, range(1, count + 1)))),
    is_film_address=st.booleans(),
)
def test_letterboxds_form_reads_back_as_the_same_films(
    *, exported: tuple[dict[str, Any], ...], is_film_address: bool
) -> None:
    seen = [movie | {"watched": True} for movie in exported]
    exporter = Exporter(SESSION, ExportQuery(format="letterboxd"))
    lines = [
        exporter.line(answer(movie), "title:x|", is_film_address=is_film_address) for movie in seen
    ]
    back = read_back("".join([exporter.head(), *lines]), exporter.file_name)
    same = [name for name in USERS if name not in NOT_THERE]
    assert by_title(back, same) == by_title(map(stored, seen), same)


def test_letterboxds_form_has_a_row_for_each_day_and_the_opinion_with_the_latest() -> None:
    movie = answer(
        {
            "position": 1,
            "rewatches": 2,
            "title": "=Heat",
            "year": 1995,
            "watched": True,
            "rating": 4.5,
            "rating_original": "9/10",
            "watch_dates": [date(2020, 1, 2), date(2021, 3, 4), date(2022, 5, 6)],
            "liked": False,
            "tags": ["noir", "on dvd"],
            "review": "Good.",
            "in_watchlist": False,
            "lists": [],
            "source_url": "https://boxd.it/2aHa",
            "tmdb_id": 949,
            "imdb_id": "tt0113277",
            "directors": ["Michael Mann", "=Nobody"],
        }
    )
    exporter = Exporter(SESSION, ExportQuery(format="letterboxd"))
    text = exporter.head() + exporter.line(movie, "title:heat|1995", is_film_address=True)
    header, *rows = csv.reader(text.splitlines(keepends=True))
    assert tuple(header) == LETTERBOXD
    film = ["https://boxd.it/2aHa", "949", "tt0113277", "'=Heat", "1995", "Michael Mann, =Nobody"]
    assert rows == [
        [*film, "", "", "2020-01-02", "", "", "", ""],
        [*film, "", "", "2021-03-04", "true", "", "", ""],
        [*film, "4.5", "9", "2022-05-06", "true", "noir, on dvd", "Good.", ""],
    ]


def test_an_address_that_is_not_the_films_at_letterboxd_does_not_go_there() -> None:
    movie = answer(
        {
            "position": 1,
            "title": "Heat",
            "watched": True,
            "watch_dates": [],
            "rewatches": 1,
            "liked": False,
            "tags": [],
            "in_watchlist": False,
            "lists": [],
            "source_url": "https://boxd.it/a1b2",
        }
    )
    elsewhere = movie.model_copy(update={"source_url": "https://www.imdb.com/title/tt0113277/"})
    exporter = Exporter(SESSION, ExportQuery(format="letterboxd"))
    for line in (
        exporter.line(movie, "title:heat|", is_film_address=False),
        exporter.line(elsewhere, "title:heat|", is_film_address=True),
    ):
        (row,) = csv.reader(line.splitlines(keepends=True))
        assert row[0] == ""
        assert row[-1] == "2", "seen twice, on days that nobody knows"
