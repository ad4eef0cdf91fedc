"""Generated films: the same for the same seed, and with every kind of trap among them."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import pairwise

from pydantic import TypeAdapter

from local_stack.tmdb.film import Film
from local_stack.tmdb.generator import FIRST_ID, generate_films


@cache
def films() -> list[Film]:
    return generate_films(20_000, 7)


@cache
def years() -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for film in films():
        if film.year is not None:
            found[film.title].append(film.year)
    return found


@cache
def gaps() -> list[int]:
    return [later - year for times in years().values() for year, later in pairwise(sorted(times))]


def test_the_same_seed_gives_the_same_films() -> None:
    assert generate_films(300, 7) == generate_films(300, 7)


def test_fewer_films_are_the_beginning_of_more() -> None:
    assert generate_films(300, 7) == films()[:300]


def test_another_seed_gives_other_films() -> None:
    assert generate_films(50, 8) != films()[:50]


def test_none_and_one_can_be_made() -> None:
    assert generate_films(0, 1) == []
    assert len(generate_films(1, 1)) == 1


def test_ids_are_unique_and_above_the_bundled_ones() -> None:
    assert [film.id for film in films()] == list(range(FIRST_ID, FIRST_ID + len(films())))
    assert len({film.imdb_id for film in films()}) == len(films())


def test_every_generated_film_would_pass_as_a_bundled_one() -> None:
    adapter = TypeAdapter(Film)
    for film in films()[:2000]:
        assert adapter.validate_json(adapter.dump_json(film)) == film


def test_most_titles_are_alone() -> None:
    assert sum(len(times) == 1 for times in years().values()) > 0.9 * len(years())


def test_a_few_films_share_title_and_year() -> None:
    assert 0 < gaps().count(0) < len(films()) / 200


def test_some_titles_come_again_a_year_later_and_some_much_later() -> None:
    assert gaps().count(1) > 50
    assert sum(gap >= 10 for gap in gaps()) > 200


def test_some_titles_differ_by_an_article_only() -> None:
    titles = {film.title for film in films()}
    assert sum(f"The {title}" in titles for title in titles) > 20


def test_some_are_known_abroad_by_another_title_and_script() -> None:
    originals = [film.original_title for film in films() if film.original_title != film.title]
    assert len(originals) > 2000
    assert sum(not title.isascii() for title in originals) > 500
    assert {"ja", "ko", "ru", "fr"} <= {film.language for film in films()}


def test_some_titles_are_oddly_punctuated() -> None:
    for mark in "-!'&½/(…:":
        assert any(mark in film.title for film in films()), mark


def test_nobody_has_heard_of_some_films() -> None:
    obscure = [film for film in films() if film.vote_count == 0]
    assert len(obscure) > 500
    assert all(not film.poster for film in obscure)
    for lacking in ("release_date", "runtime", "directors", "cast"):
        assert any(not getattr(film, lacking) for film in obscure), lacking


def test_well_known_films_lack_nothing() -> None:
    for film in films():
        if film.vote_count:
            assert film.release_date
            assert film.runtime
            assert film.directors
            assert film.cast
