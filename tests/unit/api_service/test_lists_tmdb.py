"""TMDB's own exports: one header for ratings, watchlist and favourites."""

from __future__ import annotations

import pytest

from tests.support.uploaded_lists import read

HEADER = (
    "TMDb ID,IMDb ID,Type,Name,Release Date,Season Number,Episode Number,Rating,Your Rating,"
    "Date Rated\n"
)
RATED = "949,tt0113277,movie,Heat,1995-12-15T00:00:00Z,,,7.9,8.5,2022-09-20T00:00:00Z\n"
SERIES = "92749,tt10234724,tv,Moon Knight,2022-03-30T00:00:00Z,,,7.6,6.0,2022-09-20T00:00:00Z\n"
PLAIN = "346,,movie,Seven Samurai,1954-04-26,,,8.5,,\n"


def test_your_rating_is_read_and_everybodys_is_not() -> None:
    found = read({"export.csv": HEADER + RATED + SERIES})
    assert found.formats == ["tmdb_ratings"]
    assert found.aside == [(3, "tv_series")]
    assert found.column("lookup_key", "title", "year", "watched", "rating") == [
        ("tmdb:949", "Heat", "1995", "t", "4.5")
    ]


@pytest.mark.parametrize(
    ("name", "format_name", "flags"),
    [
        ("my-watchlist.csv", "tmdb_watchlist", ("f", "t", "f", "{}")),
        ("favorites.csv", "tmdb_likes", ("f", "f", "t", "{}")),
        ("Samurai.csv", "tmdb_list", ("f", "f", "f", '{"Samurai"}')),
    ],
)
def test_name_tells_what_is_not_rated(name: str, format_name: str, flags: tuple[str, ...]) -> None:
    found = read({name: HEADER + PLAIN})
    assert found.formats == [format_name]
    assert found.column("watched", "in_watchlist", "liked", "lists") == [flags]
