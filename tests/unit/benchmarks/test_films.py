"""Picking films: a list must be able to tell each from every other film of the catalogue."""

from __future__ import annotations

import dataclasses

from benchmarks.films import STAND_IN_SEED, pick_films, tellable
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.film import load_films
from local_stack.tmdb.generator import generate_films

FILM = dataclasses.replace(
    generate_films(1, STAND_IN_SEED)[0],
    title="The Thing",
    original_title="The Thing",
    release_date="1982-06-25",
)


def test_films_of_one_title_and_year_are_left_out() -> None:
    twin = dataclasses.replace(FILM, release_date="1982-01-01")
    remake = dataclasses.replace(FILM, release_date="2011-10-12")
    assert tellable([FILM, twin, remake]) == [remake]


def test_spelling_that_a_lookup_key_does_not_keep_apart_is_no_difference() -> None:
    assert tellable([FILM, dataclasses.replace(FILM, title="THE  THING")]) == []


def test_another_films_original_title_counts() -> None:
    foreign = dataclasses.replace(FILM, title="It", original_title="The Thing")
    assert tellable([FILM, foreign]) == [foreign]


def test_a_film_without_a_year_must_be_alone_with_its_title() -> None:
    undated = dataclasses.replace(FILM, release_date="")
    assert tellable([undated]) == [undated]
    assert tellable([undated, FILM]) == [FILM]


def test_a_title_that_is_its_own_original_is_counted_once() -> None:
    assert tellable([FILM]) == [FILM]


def test_a_pick_is_what_the_stand_in_serves_and_always_the_same() -> None:
    pick = pick_films(900)
    assert pick == pick_films(900)
    assert len({film.id for film in pick.films}) == 900
    everything = [*load_films(), *generate_films(pick.generated, STAND_IN_SEED)]
    catalogue = Catalogue(everything)
    assert all(catalogue.exactly_titled(film.title, film.year) == [film] for film in pick.films)
    assert pick.excluded == len(everything) - len(tellable(everything))
