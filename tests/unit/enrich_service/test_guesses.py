"""Guesses by the export: when one is made, and when the details leave no doubt."""

from __future__ import annotations

from typing import Any

import pytest

from enrich_service.matching.guesses import Guess, choose_guess, confirm
from enrich_service.matching.match_choice import Match
from enrich_service.tmdb.models import MovieDetails

YEAR = 1995
FILM = {"id": 1, "title": "Heat", "original_title": "Heat", "release_date": "1995-12-15"}
BESIDE = {"id": 2, "title": "Heat", "release_date": "1995-01-01", "vote_count": 90}


@pytest.mark.parametrize(
    ("popularities", "years", "guess"),
    [
        ({}, {}, None),
        ({1: 0.0}, {}, Guess(1, 20)),
        ({1: 20.0, 2: 2.0}, {}, Guess(1, 1_000)),
        ({1: 20.0, 2: 2.1}, {}, None),
        ({1: 20.0, 2: 2.0, 3: 2.0, 4: 2.0}, {}, Guess(1, 1_000)),
        ({1: 20.0, 2: 2.0, 3: 2.0, 4: 2.0, 5: 2.0}, {}, None),
        ({1: 20.0, 2: 2.0, 3: 2.0, 4: 2.0, 5: 2.0}, {5: 2012}, Guess(1, 1_000)),
        # What the index knows of the years.
        ({1: 20.0, 2: 19.0}, {2: 1986}, Guess(1, 1_000)),
        ({1: 20.0, 2: 19.0}, {2: 1994}, None),
        ({1: 20.0, 2: 19.0}, {1: 1986}, Guess(2, 1_000)),
        ({1: 20.0}, {1: 1986}, None),
        ({1: 20.0}, {1: 1994}, None),
        ({1: 20.0}, {1: 0}, None),
        ({1: 20.0}, {1: YEAR}, Guess(1, 20)),
        ({1: 20.0}, {3: YEAR}, None),
        ({1: 20.0}, {3: 0}, None),
        ({1: 20.0}, {3: 2012}, Guess(1, 20)),
    ],
)
def test_guess_is_made_where_no_namesake_may_be_meant(
    popularities: dict[int, float], years: dict[int, int], guess: Guess | None
) -> None:
    assert choose_guess(YEAR, popularities, years) == guess


@pytest.mark.parametrize(
    ("told", "is_it"),
    [
        ({"vote_count": 500}, True),
        ({"vote_count": 499}, False),
        ({"vote_count": 500, "release_date": "1996-01-01"}, False),
        ({"vote_count": 500, "release_date": ""}, False),
        ({"vote_count": 500, "title": "Hot"}, False),
        ({"vote_count": 500, "title": "HEAT", "original_title": "Caldo"}, True),
        ({"vote_count": 500, "similar": {"results": [BESIDE]}}, False),
        ({"vote_count": 9_500, "similar": {"results": [BESIDE]}}, True),
    ],
)
def test_details_settle_title_year_and_votes(told: dict[str, Any], is_it: bool) -> None:  # noqa: FBT001
    details = MovieDetails.model_validate(FILM | told)
    match = confirm(Guess(1, 500), "Heat", YEAR, details)
    assert match == (Match(1, 100, "exact title, same year") if is_it else None)
