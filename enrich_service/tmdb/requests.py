"""Requests to TMDB as plain values: what to ask, and how the answer is read; nothing is sent here.

Paths and parameters: https://developer.themoviedb.org/reference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Generic, TypeVar

from enrich_service.tmdb.models import (
    ChangesPage,
    Configuration,
    FindAnswer,
    MovieDetails,
    SearchPage,
    TvSearchPage,
)

if TYPE_CHECKING:
    from datetime import date

    from pydantic import BaseModel

T_co = TypeVar("T_co", bound="BaseModel", covariant=True)

_IMDB_ID = re.compile(r"tt\d{7,10}", re.ASCII)
_MOST_APPENDED = 20
APPENDED = ("credits", "recommendations", "similar", "alternative_titles", "translations")
"""What comes with a film's details at no further request."""
LAST_PAGE = 500
"""Beyond which TMDB lists nothing, however much there is."""


@dataclass(frozen=True, slots=True)
class TMDBRequest(Generic[T_co]):
    """One GET request, without host and key.

    Attributes:
        path: from the root of the host, such as `/3/movie/603`.
        query: parameters in order; the client adds its language where none stands here.
        route: label for metrics and logs; it never holds an id or a title.
        model: what the answer is read as.
        needs: attributes of the model that were asked for, so that an answer without one of them
            is malformed and never saved as "nothing known".
    """

    path: str
    query: tuple[tuple[str, str], ...]
    route: str
    model: type[T_co]
    needs: tuple[str, ...] = ()


def _language(language: str | None) -> tuple[tuple[str, str], ...]:
    return () if language is None else (("language", language),)


def _search(query: str, page: int, **filters: int | None) -> tuple[tuple[str, str], ...]:
    if not query.strip():
        raise ValueError("a search needs a title: TMDB refuses an empty query")
    return (
        ("query", query),
        *((name, str(value)) for name, value in filters.items() if value is not None),
        ("include_adult", "false"),
        ("page", str(page)),
    )


def search_movie(
    query: str,
    *,
    year: int | None = None,
    primary_release_year: int | None = None,
    page: int = 1,
    language: str | None = None,
) -> TMDBRequest[SearchPage]:
    """Films whose title fits the words of the query, twenty a page.

    Args:
        query: words of the title.
        year: only films with any release in this year.
        primary_release_year: only films first released in this year.
        page: from 1.
        language: of the titles; None leaves it to the client.

    Raises:
        ValueError: the query is blank.
    """
    filters = _search(query, page, year=year, primary_release_year=primary_release_year)
    return TMDBRequest("/3/search/movie", filters + _language(language), "search_movie", SearchPage)


def search_tv(
    query: str,
    *,
    first_air_date_year: int | None = None,
    page: int = 1,
    language: str | None = None,
) -> TMDBRequest[TvSearchPage]:
    """Television series whose name fits the words of the query, twenty a page.

    Raises:
        ValueError: the query is blank.
    """
    filters = _search(query, page, first_air_date_year=first_air_date_year)
    return TMDBRequest("/3/search/tv", filters + _language(language), "search_tv", TvSearchPage)


def movie_details(
    film: int | str,
    *,
    append: tuple[str, ...] = APPENDED,
    language: str | None = None,
) -> TMDBRequest[MovieDetails]:
    """One film by its TMDB id or IMDb id (`tt…`), with sub-requests in the same answer.

    Raises:
        ValueError: no such id can exist, or more is appended than the 20 that TMDB allows.
    """
    if isinstance(film, str):
        film = _imdb_id(film)
    elif film < 1:
        raise ValueError(f"a TMDB id is a positive number, not {film}")
    if len(append) > _MOST_APPENDED:
        raise ValueError(f"TMDB appends at most {_MOST_APPENDED} answers, not {len(append)}")
    appended = (("append_to_response", ",".join(append)),) if append else ()
    return TMDBRequest(
        f"/3/movie/{film}",
        appended + _language(language),
        "movie_details",
        MovieDetails,
        needs=("credits",) if "credits" in append else (),
    )


def discover_movies(
    year: int, page: int, *, language: str | None = None
) -> TMDBRequest[SearchPage]:
    """Films first released in a year, twenty a page, those with the most votes first.

    Args:
        year: of the first release.
        page: from 1; TMDB has no more than `LAST_PAGE`.
        language: of the titles.
    """
    query = (
        ("primary_release_date.gte", f"{year}-01-01"),
        ("primary_release_date.lte", f"{year}-12-31"),
        ("sort_by", "vote_count.desc"),
        ("include_adult", "false"),
        ("page", str(page)),
    )
    return TMDBRequest(
        "/3/discover/movie", query + _language(language), "discover_movies", SearchPage
    )


def movie_changes(day: date, page: int) -> TMDBRequest[ChangesPage]:
    """The films that were changed on a day, a hundred a page, whatever was changed.

    Whether TMDB counts the end of its range in is not documented, so it is the day after.

    Args:
        day: in UTC, at most 14 days ago.
        page: from 1; TMDB has no more than `LAST_PAGE`.
    """
    query = (
        ("start_date", day.isoformat()),
        ("end_date", (day + timedelta(days=1)).isoformat()),
        ("page", str(page)),
    )
    return TMDBRequest("/3/movie/changes", query, "movie_changes", ChangesPage)


def find_by_imdb_id(imdb_id: str, *, language: str | None = None) -> TMDBRequest[FindAnswer]:
    """What an IMDb id stands for: a film, a series, a season or an episode.

    Raises:
        ValueError: the text is no IMDb id of a title.
    """
    query = (("external_source", "imdb_id"), *_language(language))
    return TMDBRequest(f"/3/find/{_imdb_id(imdb_id)}", query, "find_by_imdb_id", FindAnswer)


def configuration() -> TMDBRequest[Configuration]:
    """TMDB's set-up: the probe that tells whether TMDB is up and accepts the key."""
    return TMDBRequest("/3/configuration", (), "configuration", Configuration)


def _imdb_id(text: str) -> str:
    if not _IMDB_ID.fullmatch(text):
        raise ValueError(f"an IMDb id is tt and seven to ten digits, not {text!r}")
    return text
