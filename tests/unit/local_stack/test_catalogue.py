"""Title search and the other ways to find a film, on made-up titles with every trap in them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.film import Film
from local_stack.tmdb.generator import generate_films
from local_stack.tmdb.title_index import folded_forms

BLANK = Film(
    id=1,
    imdb_id=None,
    title="Untitled",
    original_title="Untitled",
    release_date="2000-01-01",
    genres=("Drama",),
    runtime=90,
    countries=("US",),
    language="en",
    directors=("Ada Abel",),
    cast=("Bruno Quist", "Carla Szabo"),
    vote_count=10,
    vote_average=6.0,
    overview="",
)


def film(
    number: int, title: str, date: str = "2000-01-01", votes: int = 10, original: str = ""
) -> Film:
    return replace(
        BLANK,
        id=number,
        imdb_id=f"tt{number:07}",
        title=title,
        original_title=original or title,
        release_date=date,
        vote_count=votes,
    )


FILMS = (
    film(1, "Alien", "1979-05-25", 100),
    film(2, "Aliens", "1986-07-18", 9000),
    film(3, "Alien³", "1992-05-22", 500),
    film(4, "My Uncle the Alien", "1996-01-01", 20000),
    film(5, "Alien", "1981-01-01", 5),
    film(6, "WALL·E", "2008-06-22", 900),
    film(7, "Spider-Man", "2002-05-01", 800),
    film(8, "Amélie", "2001-04-25", 700, "Le Fabuleux Destin d'Amélie Poulain"),
    film(9, "Spirited Away", "2001-07-20", 950, "千と千尋の神隠し"),
    film(10, "???", "1988-02-29", 3),
    film(11, "Fast & Loose", "1999-01-01", 40),
    film(12, "Øst for Æble", "1970-01-01", 8),
    replace(film(13, "The Slow Boat", "1999-12-28", 60), release_years=(2000,)),
    film(14, "Schindler\u2019s List", "1993-12-15", 990),
    film(15, "The Unheard", "", 0),
)
CATALOGUE = Catalogue(FILMS)
GENERATED = Catalogue(generate_films(2000, 5))


def ids(query: str, **filters: int) -> list[int]:
    return [found.id for found in CATALOGUE.search(query, **filters).entries]


def test_exact_titles_come_first_and_popular_ones_before_others() -> None:
    assert ids("alien") == [1, 5, 4, 2, 3]


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("ALIENS", 2),
        ("wall-e", 6),
        ("walle", 6),
        ("WALL E", 6),
        ("spiderman", 7),
        ("spider man", 7),
        ("amelie", 8),
        ("Le fabuleux destin", 8),
        ("poulain amélie", 8),
        ("千と千尋の神隠し", 9),
        ("千と", 9),
        ("???", 10),
        ("fast and loose", 11),
        ("Fast & Loose", 11),
        ("ost for aeble", 12),
        ("schindlers list", 14),
        ("Schindler's List", 14),
        ("unhea", 15),
    ],
)
def test_spelling_does_not_hide_a_film(query: str, number: int) -> None:
    assert ids(query) == [number]


@pytest.mark.parametrize("query", ["lien", "alien resurrection", "amélie away", "zzz", "!", "????"])
def test_a_word_that_begins_no_word_of_one_title_finds_nothing(query: str) -> None:
    assert ids(query) == []


def test_primary_release_year_is_the_first_release_only() -> None:
    assert ids("slow boat", primary_release_year=1999) == [13]
    assert ids("slow boat", primary_release_year=2000) == []


def test_a_page_holds_twenty_and_counts_the_whole() -> None:
    catalogue = Catalogue([film(number, f"Echo {number}") for number in range(1, 46)])
    pages = [catalogue.search("echo", page=number) for number in (1, 2, 3, 4)]
    assert [len(page.entries) for page in pages] == [20, 20, 5, 0]
    assert {(page.total_results, page.total_pages) for page in pages} == {(45, 3)}
    assert len({found.id for page in pages for found in page.entries}) == 45


@given(number=st.integers(0, 1999), dated=st.booleans())
def test_every_generated_film_is_found_by_its_title(number: int, *, dated: bool) -> None:
    wanted = GENERATED.films[number]
    found = GENERATED.search(wanted.title, wanted.year if dated else None)
    assert wanted.id in [entry.id for entry in found.entries]


@given(query=st.text(max_size=30), year=st.none() | st.integers(1900, 2030))
def test_any_query_gives_what_a_plain_reading_of_all_titles_gives(
    query: str, year: int | None
) -> None:
    def holds(entry: Film, words: list[str]) -> bool:
        return any(
            all(any(word.startswith(begin) for word in form.split()) for begin in words)
            for title in (entry.title, entry.original_title)
            for form in folded_forms(title)
        )

    expected = {
        entry.id
        for entry in CATALOGUE.films
        if year is None or year in (entry.year, *entry.release_years)
        for form in folded_forms(query)
        if form and holds(entry, form.split())
    }
    assert set(ids(query, **({} if year is None else {"year": year}))) == expected


def test_ids_lead_to_films_and_shows() -> None:
    assert CATALOGUE.film(8) is FILMS[7]
    assert CATALOGUE.film_by_imdb_id("tt0000008") is FILMS[7]
    assert CATALOGUE.film(999) is None
    assert CATALOGUE.film_by_imdb_id("tt0903747") is None
    show = CATALOGUE.show_by_imdb_id("tt0903747")
    assert show is not None
    assert show.name == "Breaking Bad"


def test_a_show_is_found_by_name_and_by_original_name() -> None:
    assert [show.id for show in CATALOGUE.search_television("breaking").entries] == [1396]
    assert [show.id for show in CATALOGUE.search_television("오징어 게임").entries] == [93405]
    assert CATALOGUE.search_television("breaking bad", 2009).total_results == 0


def test_films_that_share_an_id_are_refused() -> None:
    with pytest.raises(ValueError, match="share an id"):
        Catalogue([film(1, "One"), film(1, "Two")])
    with pytest.raises(ValueError, match="share an id"):
        Catalogue([film(1, "One"), replace(film(2, "Two"), imdb_id="tt0000001")])


def test_related_films_are_of_the_genre_and_never_the_film_itself() -> None:
    some = GENERATED.films[100]
    for related in (GENERATED.recommendations(some), GENERATED.similar(some)):
        assert len(related) == 20
        assert some not in related
        assert {other.genres[0] for other in related} == {some.genres[0]}
    assert GENERATED.recommendations(some) == GENERATED.recommendations(some)


def test_discover_sorts_and_keeps_to_the_dates() -> None:
    dates = [entry.release_date for entry in CATALOGUE.discover("primary_release_date.asc", "", "")]
    assert dates == sorted(dates)
    most_popular = CATALOGUE.discover("popularity.desc", "1990-01-01", "1999-12-31")
    assert [entry.id for entry in most_popular] == [4, 14, 3, 13, 11]
    assert 15 not in [entry.id for entry in CATALOGUE.discover("vote_count.asc", "", "1999-01-01")]
    with pytest.raises(KeyError):
        CATALOGUE.discover("revenue.desc", "", "")
