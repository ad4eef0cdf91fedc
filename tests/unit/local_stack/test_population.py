"""A simulated TMDB: namesakes, translations and votes in the shares that were counted."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import TypeAdapter

from local_stack.tmdb.film import Film
from local_stack.tmdb.population import simulate

POPULATION = simulate(2_000, of=40_000)
KNOWN = POPULATION.films[: POPULATION.known]


def test_a_seed_gives_the_same_films_and_each_would_pass_as_bundled() -> None:
    assert simulate(300, 3, of=5_000) == simulate(300, 3, of=5_000)
    adapter = TypeAdapter(Film)
    assert all(adapter.validate_json(adapter.dump_json(film)) == film for film in KNOWN[:500])


def test_shares_are_those_counted_in_public_facts() -> None:
    names = Counter(name for film in POPULATION.films for name in {film.title, film.original_title})
    shared = sum(names[film.title] > 1 for film in KNOWN) / len(KNOWN)
    translated = sum(film.title != film.original_title for film in KNOWN) / len(KNOWN)

    assert shared == pytest.approx(0.48, abs=0.06)
    assert translated == pytest.approx(0.14, abs=0.03)


def test_namesakes_are_kept_though_nobody_knows_them() -> None:
    unknown = POPULATION.films[POPULATION.known :]

    assert len(unknown) > len(KNOWN) / 2
    assert {film.title for film in unknown} <= {film.title for film in KNOWN}
    assert len(simulate(200, of=9_000, namesakes=0).films) == 200


def test_some_films_are_marked_as_videos() -> None:
    videos = sum(film.video for film in POPULATION.films) / len(POPULATION.films)
    assert videos == pytest.approx(1 / 30, abs=0.01)


def test_votes_fall_with_the_rank() -> None:
    votes = [film.vote_count for film in KNOWN]

    assert votes == sorted(votes, reverse=True)
    assert votes[0] == 32_000
    assert 1_300 < votes[1_999] < 2_000
