"""What a session's films come to, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_service.context import SETTINGS, STORAGE, json_response, session_of
from api_service.queries import MovieFilter, read_query
from api_service.summary_answers import named_positions, summary_answer

if TYPE_CHECKING:
    from aiohttp import web


async def get_summary(request: web.Request) -> web.Response:
    """`GET /api/session/{id}/summary`: the figures of the movies that fit."""
    chosen = read_query(MovieFilter, request.query)
    session = await session_of(request)
    storage = request.app[STORAGE]
    places = await storage.movies.places(session.id, chosen.in_order())
    figures = await storage.summaries.add_up(
        session.id, places.positions, everything=chosen.names_watched
    )
    named = await storage.movies.at(session.id, named_positions(figures))
    images = request.app[SETTINGS].tmdb_image_base_url
    return json_response(summary_answer(figures, named, images), Cache_Control="no-store")
