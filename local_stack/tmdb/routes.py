"""TMDB's routes below `/3`, its pictures below `/t/p` and its exports below `/p`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from aiohttp import web

from local_stack.tmdb import artwork
from local_stack.tmdb.catalogue import Page
from local_stack.tmdb.changes import LONGEST_RANGE, changed_between, changes_page_of
from local_stack.tmdb.credits import name_of
from local_stack.tmdb.exports import answer_export
from local_stack.tmdb.payloads import (
    credits_page_of,
    details_of,
    found_by_imdb_id,
    page_of,
    show_page_of,
)
from local_stack.tmdb.reference import GENRE_IDS
from local_stack.tmdb.refusals import Refusal, as_json, json_answer
from local_stack.tmdb.state import STAND_IN

if TYPE_CHECKING:
    from local_stack.tmdb.film import Film

_LAST_PAGE: Final = 500
_MOST_APPENDED: Final = 20
_PICTURE: Final = re.compile(r"(?P<kind>person-|backdrop-|)(?P<id>[0-9]{1,18})\.svg")
_GENRES: Final = as_json(
    {"genres": [{"id": number, "name": name} for name, number in GENRE_IDS.items()]}
)


def add_routes(app: web.Application) -> None:
    """Add the named TMDB routes to the application."""
    get = app.router.add_get
    get("/3/search/movie", _search_movie, name="search_movie")
    get("/3/search/tv", _search_tv, name="search_tv")
    get("/3/movie/changes", _changes, name="movie_changes")
    get("/3/movie/{id}", _movie, name="movie")
    get("/3/movie/{id}/credits", _movie_credits, name="movie_credits")
    get("/3/find/{id}", _find, name="find")
    get("/3/genre/movie/list", _genres, name="genres")
    get("/3/configuration", _configuration, name="configuration")
    get("/3/discover/movie", _discover, name="discover")
    get("/p/exports/{name}", answer_export, name="export")
    get("/t/p/{size:w\\d+|h\\d+|original}/{picture}", _picture, name="picture")


async def _search_movie(request: web.Request) -> web.Response:
    query = request.query.get("query", "").strip()
    page = _page_number(request)
    if not query:
        return _query_missing()
    if page is None:
        return Refusal.INVALID_PAGE.answer()
    found = request.app[STAND_IN].catalogue.search(
        query, _year(request, "year"), _year(request, "primary_release_year"), page
    )
    return json_answer(page_of(found))


async def _search_tv(request: web.Request) -> web.Response:
    query = request.query.get("query", "").strip()
    page = _page_number(request)
    if not query:
        return _query_missing()
    if page is None:
        return Refusal.INVALID_PAGE.answer()
    year = _year(request, "first_air_date_year") or _year(request, "year")
    found = request.app[STAND_IN].catalogue.search_television(query, year, page)
    return json_answer(show_page_of(found))


async def _movie(request: web.Request) -> web.Response:
    film = _named_film(request)
    if film is None:
        return Refusal.NOT_FOUND.answer()
    appended = [name for name in request.query.get("append_to_response", "").split(",") if name]
    if len(appended) > _MOST_APPENDED:
        return Refusal.TOO_MANY_APPENDED.answer()
    stand_in = request.app[STAND_IN]
    return json_answer(details_of(film, stand_in.catalogue, appended, stand_in.options.revealed))


async def _movie_credits(request: web.Request) -> web.Response:
    film = _named_film(request)
    if film is None:
        return Refusal.NOT_FOUND.answer()
    return json_answer(credits_page_of(film, request.app[STAND_IN].catalogue))


async def _changes(request: web.Request) -> web.Response:
    """Answer with what was changed between two dates; without them, in the last day or so."""
    page = _page_number(request)
    if page is None:
        return Refusal.INVALID_PAGE.answer()
    today = datetime.now(UTC).date()
    try:
        start = date.fromisoformat(request.query.get("start_date", today.isoformat()))
        end = date.fromisoformat(
            request.query.get("end_date", (start + timedelta(days=1)).isoformat())
        )
    except ValueError:
        return Refusal.INVALID_PARAMETERS.answer()
    if end - start > LONGEST_RANGE:
        return Refusal.LONG_RANGE.answer()
    stand_in = request.app[STAND_IN]
    ids = changed_between(stand_in.catalogue, stand_in.options.changed, start, end)
    return json_answer(changes_page_of(ids, page))


async def _find(request: web.Request) -> web.Response:
    if request.query.get("external_source") != "imdb_id":
        return Refusal.INVALID_PARAMETERS.answer()
    catalogue = request.app[STAND_IN].catalogue
    imdb_id = request.match_info["id"]
    return json_answer(
        found_by_imdb_id(catalogue.film_by_imdb_id(imdb_id), catalogue.show_by_imdb_id(imdb_id))
    )


async def _genres(_: web.Request) -> web.Response:
    return json_answer(_GENRES)


async def _configuration(request: web.Request) -> web.Response:
    pictures = f"{request.scheme}://{request.host}/t/p/"
    return json_answer(
        as_json(
            {
                "images": {
                    "base_url": pictures,
                    "secure_base_url": pictures,
                    "backdrop_sizes": ["w300", "w780", "w1280", "original"],
                    "logo_sizes": ["w45", "w92", "w154", "w185", "w300", "w500", "original"],
                    "poster_sizes": ["w92", "w154", "w185", "w342", "w500", "w780", "original"],
                    "profile_sizes": ["w45", "w185", "h632", "original"],
                    "still_sizes": ["w92", "w185", "w300", "original"],
                },
                "change_keys": ["cast", "crew", "genres", "images", "overview", "runtime", "title"],
            }
        )
    )


async def _discover(request: web.Request) -> web.Response:
    page = _page_number(request)
    if page is None:
        return Refusal.INVALID_PAGE.answer()
    query = request.query
    try:
        films = request.app[STAND_IN].catalogue.discover(
            query.get("sort_by", "popularity.desc"),
            query.get("primary_release_date.gte", ""),
            query.get("primary_release_date.lte", ""),
        )
    except KeyError:
        return Refusal.INVALID_PARAMETERS.answer()
    return json_answer(page_of(Page.cut(films, page)))


async def _picture(request: web.Request) -> web.Response:
    named = _PICTURE.fullmatch(request.match_info["picture"])
    drawing = None if named is None else _drawn(request, named["kind"], int(named["id"]))
    if drawing is None:
        raise web.HTTPNotFound
    return web.Response(
        text=drawing,
        content_type="image/svg+xml",
        headers={"Cache-Control": "public, max-age=86400"},
    )


def _drawn(request: web.Request, kind: str, number: int) -> str | None:
    catalogue = request.app[STAND_IN].catalogue
    if kind == "person-":
        name = name_of(number, catalogue)
        return None if name is None else artwork.portrait(number, name)
    film = catalogue.film(number)
    if film is None or not film.poster:
        return None
    return artwork.poster(film) if not kind else artwork.backdrop(film)


def _named_film(request: web.Request) -> Film | None:
    """Return the film in the path, by TMDB id or IMDb id."""
    name = request.match_info["id"]
    catalogue = request.app[STAND_IN].catalogue
    if name.startswith("tt"):
        return catalogue.film_by_imdb_id(name)
    return catalogue.film(int(name)) if re.fullmatch(r"\d{1,18}", name, re.ASCII) else None


def _page_number(request: web.Request) -> int | None:
    """Return the requested page, 1 by default; None if TMDB would refuse it."""
    text = request.query.get("page", "1")
    number = int(text) if re.fullmatch(r"\d{1,3}", text, re.ASCII) else 0
    return number if 1 <= number <= _LAST_PAGE else None


def _year(request: web.Request, name: str) -> int | None:
    """Return the requested year; anything else is no filter."""
    text = request.query.get(name, "")
    return int(text) if re.fullmatch(r"\d{4}", text, re.ASCII) else None


def _query_missing() -> web.Response:
    return json_answer(as_json({"errors": ["query must be provided"]}), status=422)
