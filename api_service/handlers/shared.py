"""A shared list over HTTP, for visitors: what the session's own routes read, and never its key."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from api_service.context import PACER, STORAGE, json_response, no_such_share, share_of
from api_service.handlers.exports import send_export
from api_service.handlers.movies import (
    cursor_of,
    read_credits,
    read_movie,
    read_page,
    read_positions,
)
from api_service.handlers.summaries import send_summary
from api_service.queries.movies import ExportQuery, MovieFilter, MovieQuery, PageQuery
from api_service.schemas.exports import SharedExporter
from api_service.schemas.share_requests import read_share_query
from api_service.schemas.shares import (
    SharedMovieDetailAnswer,
    SharedMoviesAnswer,
    shared_movie_answer,
    shared_status_answer,
)
from shared.errors import SessionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web


@contextmanager
def _as_share() -> Iterator[None]:
    """Tell of a session that is deleted meanwhile as of its share."""
    try:
        yield
    except SessionNotFoundError:
        raise no_such_share() from None


async def get_status(request: web.Request) -> web.Response:
    """`GET /api/share/{id}`: how far the list is, and what is shown of it."""
    shown = await share_of(request)
    outlook = await request.app[PACER].outlook(shown.session)
    answer = shared_status_answer(shown.share, shown.session, outlook)
    return json_response(answer, Cache_Control="no-store")


async def get_movies(request: web.Request) -> web.Response:
    """`GET /api/share/{id}/movies`: a page of those that fit, or those at some positions."""
    shown = await share_of(request)
    query = read_share_query(PageQuery, request.query, shown.share)
    movies, cursor = await read_page(request, shown.session, query, cursor_of(query))
    answer = SharedMoviesAnswer(
        movies=[shared_movie_answer(movie, shown.share) for movie in movies], next_cursor=cursor
    )
    return json_response(answer, Cache_Control="no-store")


async def get_positions(request: web.Request) -> web.Response:
    """`GET /api/share/{id}/movies/positions`: where all that fit stand, in their order."""
    shown = await share_of(request)
    query = read_share_query(MovieQuery, request.query, shown.share)
    answer = await read_positions(request, shown.session, query)
    return json_response(answer, Cache_Control="no-store")


async def get_movie(request: web.Request) -> web.Response:
    """`GET /api/share/{id}/movies/{position}`: one movie, with its credits."""
    shown = await share_of(request)
    movie = shared_movie_answer(await read_movie(request, shown.session.id), shown.share)
    people = await read_credits(request, shown.session.id)
    answer = SharedMovieDetailAnswer(**dict(movie), credits=people)
    return json_response(answer, Cache_Control="no-store")


async def get_summary(request: web.Request) -> web.Response:
    """`GET /api/share/{id}/summary`: the figures of the movies that fit."""
    shown = await share_of(request)
    chosen = read_share_query(MovieFilter, request.query, shown.share)
    with _as_share():
        return await send_summary(request, shown.session, chosen)


async def get_export(request: web.Request) -> web.StreamResponse:
    """`GET /api/share/{id}/export`: the movies that fit, as a file."""
    shown = await share_of(request)
    query = read_share_query(ExportQuery, request.query, shown.share).as_it_is_taken()
    shares = request.app[STORAGE].shares

    async def check() -> None:
        if await shares.get(shown.share.id) is None:
            raise no_such_share()

    exporter = SharedExporter(shown.share, query)
    return await send_export(request, shown.session, exporter, query, check)
