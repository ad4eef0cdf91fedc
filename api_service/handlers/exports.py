"""Taking a session away: its movies as a file, streamed in pages of their own.

Between two pages nothing is held, neither a connection nor rows, however slowly a client reads.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiohttp import hdrs, web

from api_service.context import CLIENT, LIMITS, SETTINGS, STORAGE, session_of
from api_service.queries.movies import ExportQuery, read_query
from api_service.schemas.exports import Exporter
from api_service.schemas.sessions import movie_answer
from shared.errors import ProjectionistError, SessionNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from api_service.storage.sessions import SessionRow

    Check = Callable[[], Awaitable[None]]

ROWS = 100
"""Movies read at a time: few enough not to keep the loop from other requests."""

log = structlog.get_logger(__name__)


async def get_export(request: web.Request) -> web.StreamResponse:
    """`GET /api/session/{id}/export`: the movies that fit, as a file."""
    query = read_query(ExportQuery, request.query).as_it_is_taken()
    session = await session_of(request)
    sessions = request.app[STORAGE].sessions

    async def check() -> None:
        if await sessions.get(session.id) is None:
            raise SessionNotFoundError("It was deleted while it was exported.")

    return await send_export(request, session, Exporter(session.id, query), query, check)


async def send_export(
    request: web.Request,
    session: SessionRow,
    exporter: Exporter,
    query: ExportQuery,
    check: Check,
) -> web.StreamResponse:
    """Send the movies of a session that fit, as one of the few heavy reads of this client.

    Args:
        request: of the client.
        session: whose movies.
        exporter: writes them.
        query: which ones, and in which order.
        check: awaited before any are sent; raises where they are not to be read any more.
    """
    headers = {
        "Content-Type": f"{exporter.content_type}; charset=utf-8",
        "Content-Disposition": f'attachment; filename="{exporter.file_name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    if request.method == hdrs.METH_HEAD:  # aiohttp would send what is written to a stream
        return web.Response(headers=headers)
    with request.app[LIMITS].heavy_read(request[CLIENT]):
        pieces = _pieces(request, session, exporter, query, check)
        return await _send(request, pieces, headers)


async def _send(
    request: web.Request, pieces: AsyncGenerator[bytes, None], headers: dict[str, str]
) -> web.StreamResponse:
    # Whatever is wrong with the database is answered as a problem while that is still possible.
    first = await anext(pieces)
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    try:
        await response.write(first)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
    except ConnectionError:  # the client has gone, and the handler is not yet cancelled
        log.debug("export_left")
    except ProjectionistError as error:
        log.warning("export_broken_off", code=error.code, error=error.detail)
        _break_off(request)
    except Exception:
        log.exception("export_crashed")
        _break_off(request)
    return response


def _break_off(request: web.Request) -> None:
    """End the connection: a body that ends too early must not look like a whole one.

    The status has been sent, so a problem would be written into the file.
    """
    if request.transport is not None:
        request.transport.abort()


async def _pieces(
    request: web.Request,
    session: SessionRow,
    exporter: Exporter,
    query: ExportQuery,
    check: Check,
) -> AsyncGenerator[bytes, None]:
    """The file, some movies at a time; at least one piece. Which movies it has is settled first.

    Raises:
        ProjectionistError: `check` refused, after some movies were read.
        DatabaseBusyError: too many lists are read already; before the first piece.
    """
    images = request.app[SETTINGS].tmdb_image_base_url
    storage = request.app[STORAGE]
    async with storage.heavy_reads.turn(session.total):
        positions = (await storage.movies.places(session.id, query)).positions
    text = exporter.head()
    for start in range(0, max(len(positions), 1), ROWS):
        async with storage.exporting:
            rows = await storage.movies.at(session.id, positions[start : start + ROWS])
            text += "".join(
                [
                    exporter.line(
                        movie_answer(row, images),
                        row["lookup_key"],
                        is_film_address=row["is_film_address"],
                    )
                    for row in rows
                ]
            )
        await check()
        yield text.encode()
        text = ""
        await asyncio.sleep(0)
