from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from enrich_service.matching.asked_titles import read_asked
from enrich_service.matching.match_choice import THRESHOLD, Match, NoMatch, choose_match
from enrich_service.matching.search_plan import search_plan
from enrich_service.matching.title_agreement import Agreement, agreement
from enrich_service.matching.title_normalisation import normalise
from enrich_service.tmdb.models import SearchMovie

if TYPE_CHECKING:
    import random

TITLES = st.text(min_size=1, max_size=40).filter(lambda text: text.strip() != "")
WORDS = st.lists(
    st.sampled_from(
        ["The", "A", "Alien", "Aliens", "II", "2", "Part", "One", "(1999)", "aka", "/", ":", "or",
         "-", "&", "and", "L'Or", "Se7en", "Été", "千", "Vol.", "?", "(Director's", "Cut)", ","]
    ),
    min_size=1,
    max_size=8,
).map(" ".join)  # fmt: skip
YEARS = st.none() | st.integers(1874, 2030)


@st.composite
def films(draw: st.DrawFn) -> SearchMovie:
    year = draw(YEARS)
    return SearchMovie(
        id=draw(st.integers(1, 50)),
        title=draw(WORDS | TITLES),
        original_title=draw(st.none() | WORDS),
        release_date=None if year is None else dt.date(year, 1, 1),
        vote_count=draw(st.sampled_from([0, 3, 499, 500, 5_000, 50_000])),
    )


@given(title=WORDS | TITLES, year=YEARS, found=st.lists(films(), max_size=8))
def test_whatever_comes_the_answer_is_one_of_the_films_or_none(
    title: str, year: int | None, found: list[SearchMovie]
) -> None:
    answer = choose_match(title, year, found)

    if isinstance(answer, Match):
        assert answer.tmdb_id in {film.id for film in found}
        assert THRESHOLD <= answer.confidence <= 100
    else:
        assert len(answer.candidates) <= 5
        assert all(0 <= shown.score <= 100 for shown in answer.candidates)


@given(
    title=WORDS,
    year=YEARS,
    found=st.lists(films(), max_size=6, unique_by=lambda film: film.id),
    order=st.randoms(),
)
def test_the_order_of_the_results_never_matters(
    title: str, year: int | None, found: list[SearchMovie], order: random.Random
) -> None:
    shuffled = list(found)
    order.shuffle(shuffled)

    assert choose_match(title, year, shuffled) == choose_match(title, year, found)


@given(title=WORDS | TITLES, year=st.integers(1900, 2030), apart=st.integers(2, 60))
def test_a_film_from_a_wrong_year_is_never_chosen(title: str, year: int, apart: int) -> None:
    asked = read_asked(title).text
    film = SearchMovie(id=1, title=asked, release_date=dt.date(year - apart, 1, 1), vote_count=9999)

    assert isinstance(choose_match(title, year, [film]), NoMatch)


@given(title=WORDS | TITLES, year=st.integers(1900, 2030))
def test_a_film_of_the_very_title_and_year_is_always_chosen(title: str, year: int) -> None:
    film = SearchMovie(
        id=7, title=read_asked(title).text, release_date=dt.date(year, 1, 1), vote_count=0
    )

    assert choose_match(title, year, [film]) == Match(7, 100, "exact title, same year")


@given(title=WORDS | TITLES)
def test_normalising_is_stable_and_never_blank(title: str) -> None:
    once = normalise(title)

    assert once
    assert agreement(read_asked(title), read_asked(title).text, None) is Agreement.EXACT


@given(title=WORDS | TITLES, year=YEARS)
def test_a_plan_is_short_and_never_repeats_or_asks_nothing(title: str, year: int | None) -> None:
    plan = list(search_plan(title, year))

    assert len(plan) == len(set(plan))
    assert all(search.query.strip() for search in plan)
