"""When a film may be told from its title and year without asking TMDB."""

from __future__ import annotations

import datetime as dt

import pytest

from enrich_service.matching.known_films import (
    asked_names,
    asked_year,
    choose_known,
    index_names,
    is_still,
)
from enrich_service.matching.match_choice import Match
from enrich_service.tmdb.models import MovieDetails, SearchMovie


def film(
    tmdb_id: int, title: str, year: int | None, *, original: str | None = None, votes: int = 1_000
) -> SearchMovie:
    return SearchMovie(
        id=tmdb_id,
        title=title,
        original_title=original or title,
        release_date=None if year is None else dt.date(year, 6, 1),
        vote_count=votes,
    )


HEAT = film(949, "Heat", 1995)
LEON = film(101, "Léon: The Professional", 1994, original="Léon")


@pytest.mark.parametrize(
    ("title", "year", "films", "expected"),
    [
        ("Heat", 1995, [HEAT], 949),
        ("heat (1995)", 1995, [HEAT], 949),
        ("Leon", 1994, [LEON], 101),
        ("Heat", 1995, [HEAT, film(1, "Heat", 1996), film(2, "Heat", None)], 949),
        ("Heat", 1995, [HEAT, film(1, "Heat", 1995, votes=9)], 949),
        ("Heat", 1995, [HEAT, film(1, "Heat", 1995, votes=900)], None),  # both are known
        ("Heat", 1996, [HEAT], None),  # a year apart
        ("Heat", 1995, [film(949, "Heat", None)], None),
        ("Heat", 1995, [film(949, "Heat", 1995, votes=499)], None),
        ("Heat", 1995, [], None),
    ],
)
def test_only_a_well_known_film_of_that_very_title_and_year_is_taken_unasked(
    title: str, year: int, films: list[SearchMovie], expected: int | None
) -> None:
    match = choose_known(title, year, films, is_complete=False)
    assert (match.tmdb_id if match else None) == expected


@pytest.mark.parametrize(("votes", "others"), [(0, []), (3, [film(1, "Heat", 1996)])])
def test_where_all_films_of_the_year_are_known_an_unknown_film_is_enough(
    votes: int, others: list[SearchMovie]
) -> None:
    little = film(949, "Heat", 1995, votes=votes)
    assert choose_known("Heat", 1995, [little, *others], is_complete=True) == Match(
        949, 100, "exact title, same year"
    )
    twin = film(1, "Heat", 1995, votes=votes)
    assert choose_known("Heat", 1995, [little, twin], is_complete=True) is None


@pytest.mark.parametrize(
    ("title", "original", "year", "still"),
    [
        ("Heat", "Heat", "1995-12-15", True),
        ("Wärme", "Heat", "1995-12-15", True),
        ("Heat", "Heat", "1996-01-01", False),
        ("Heat", "Heat", "", False),
        ("Heatwave", "Heatwave", "1995-12-15", False),
    ],
)
def test_what_tmdb_tells_now_must_be_what_was_asked_for(
    title: str, original: str, year: str, *, still: bool
) -> None:
    told = MovieDetails.model_validate(
        {"id": 949, "title": title, "original_title": original, "release_date": year}
    )
    assert is_still("heat", 1995, told) is still


def test_a_film_stands_under_the_names_by_which_it_is_asked_for() -> None:
    assert index_names("Léon: The Professional", "Léon") == {"leon the professional", "leon"}
    assert index_names("Heat", "Heat") == {"heat"}
    assert index_names("Heat", None) == {"heat"}
    assert asked_names("Matrix, The (1999)") == {"the matrix", "matrix the 1999"}
    assert asked_year("Matrix, The (1999)", None) == 1999
    assert asked_year("The Matrix (1999)", 2003) == 2003
    assert asked_year("The Matrix", None) is None
