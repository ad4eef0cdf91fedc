"""What a session's films come to, over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from api_service.context import CLIENT, LIMITS, SETTINGS, STORAGE, SUMMARIES, session_of
from api_service.queries.movies import MovieFilter, read_query
from api_service.schemas.summaries import named_positions, summary_answer

if TYPE_CHECKING:
    from uuid import UUID

    from api_service.storage.sessions import SessionRow


async def get_summary(request: web.Request) -> web.Response:
    """`GET /api/session/{id}/summary`: the figures of the movies that fit."""
    chosen = read_query(MovieFilter, request.query)
    session = await session_of(request)
    return await send_summary(request, session, chosen)


async def send_summary(
    request: web.Request, session: SessionRow, chosen: MovieFilter
) -> web.Response:
    """Answer with the summary of the movies of a session that fit.

    It has nothing in it that tells a session from its shares, so that one text serves all of them.
    """
    with request.app[LIMITS].heavy_read(request[CLIENT]):
        text = await request.app[SUMMARIES].get(
            session, chosen, lambda: _add_up(request.app, session.id, chosen)
        )
    return web.Response(
        text=text, content_type="application/json", headers={"Cache-Control": "no-store"}
    )


async def _add_up(app: web.Application, session_id: UUID, chosen: MovieFilter) -> str:
    storage = app[STORAGE]
    places = await storage.movies.places(session_id, chosen.in_order())
    figures = await storage.summaries.add_up(
        session_id, places.positions, everything=chosen.names_watched
    )
    named = await storage.movies.at(session_id, named_positions(figures))
    answer = summary_answer(figures, named, app[SETTINGS].tmdb_image_base_url)
    return answer.model_dump_json()
