"""Generated films: the same for the same seed, and with every kind of trap among them."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from local_stack.tmdb.generator import FIRST_ID, generate_films

if TYPE_CHECKING:
    from local_stack.tmdb.film import Film


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


def test_ids_are_unique_and_above_the_bundled_ones() -> None:
    assert [film.id for film in films()] == list(range(FIRST_ID, FIRST_ID + len(films())))
    assert len({film.imdb_id for film in films()}) == len(films())


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


def test_nobody_has_heard_of_some_films() -> None:
    obscure = [film for film in films() if film.vote_count == 0]
    assert len(obscure) > 500
    assert all(not film.poster for film in obscure)
    for lacking in ("release_date", "runtime", "directors", "cast"):
        assert any(not getattr(film, lacking) for film in obscure), lacking
