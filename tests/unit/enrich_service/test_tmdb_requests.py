from __future__ import annotations

import pytest

from enrich_service.tmdb.requests import (
    configuration,
    find_by_imdb_id,
    movie_details,
    search_movie,
    search_tv,
)


def test_a_search_asks_for_films_of_a_year_and_nothing_for_adults_only() -> None:
    request = search_movie("Amélie & co", year=2001, page=2, language="fr-FR")

    assert request.path == "/3/search/movie"
    assert request.route == "search_movie"
    assert request.query == (
        ("query", "Amélie & co"),
        ("year", "2001"),
        ("include_adult", "false"),
        ("page", "2"),
        ("language", "fr-FR"),
    )


def test_the_two_kinds_of_year_are_kept_apart() -> None:
    assert ("primary_release_year", "2001") in search_movie("x", primary_release_year=2001).query
    assert "year" not in dict(search_movie("x", primary_release_year=2001).query)
    assert ("first_air_date_year", "2008") in search_tv("x", first_air_date_year=2008).query


def test_details_come_with_credits_in_one_request() -> None:
    request = movie_details(603)

    assert request.path == "/3/movie/603"
    assert request.query == (
        ("append_to_response", "credits,recommendations,similar,alternative_titles,translations"),
    )
    assert movie_details("tt0133093").path == "/3/movie/tt0133093"
    assert movie_details(603, append=()).query == ()
    assert movie_details(603, append=("credits", "keywords")).query == (
        ("append_to_response", "credits,keywords"),
    )


def test_an_imdb_id_is_looked_up_as_such() -> None:
    request = find_by_imdb_id("tt0133093")

    assert request.path == "/3/find/tt0133093"
    assert request.query == (("external_source", "imdb_id"),)
    assert configuration().path == "/3/configuration"


def test_equal_requests_are_equal() -> None:
    assert movie_details(603) == movie_details(603)
    assert hash(search_movie("x", year=1)) == hash(search_movie("x", year=1))


@pytest.mark.parametrize("film", [0, -1, "603", "tt12", "nm0000206", "tt0133093/../x", "tt٣٣٣٣٣٣٣"])
def test_an_id_that_cannot_exist_is_never_sent(film: int | str) -> None:
    with pytest.raises(ValueError, match="id is"):
        movie_details(film)


def test_an_empty_search_is_never_sent() -> None:
    with pytest.raises(ValueError, match="needs a title"):
        search_movie("  ")
    with pytest.raises(ValueError, match="needs a title"):
        search_tv("")


def test_more_is_not_appended_than_tmdb_allows() -> None:
    with pytest.raises(ValueError, match="at most 20 answers, not 21"):
        movie_details(603, append=tuple(f"part_{number}" for number in range(21)))
