"""What handlers need, by name: settings, storage, parsers, pace, hub, metrics, the page's files."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import web

from api_service.eta import Pacer
from api_service.limits.client_identity import Clients
from api_service.limits.client_limits import ClientLimits
from api_service.limits.connections import ConnectionLimits
from api_service.metrics import Metrics
from api_service.page_files import WebFiles
from api_service.static_files import StaticFile
from api_service.storage import StorageService
from api_service.storage.clients import Totals
from api_service.storage.summary_cache import SummaryCache
from api_service.streams.hub import Hub
from api_service.uploads.disk_budget import Room
from api_service.uploads.keyed_locks import Turns
from api_service.uploads.parser_pool import ParserPool
from shared.errors import SessionHeldError, SessionNotFoundError, ShareNotFoundError
from shared.http.probes import Probes
from shared.metrics import Recent
from shared.settings import Settings
from shared.tracing.context import TraceContext
from shared.tracing.spans import Tracing

if TYPE_CHECKING:
    from pydantic import BaseModel

    from api_service.storage.sessions import SessionRow
    from api_service.storage.shares import SharedSession

CLIENT = web.RequestKey("client", str)
CLIENTS = web.AppKey("clients", Clients)
LIMITS = web.AppKey("limits", ClientLimits)
CONNECTIONS = web.AppKey("connections", ConnectionLimits)
ROOM = web.AppKey("room", Room)
TOTALS = web.AppKey[Recent[Totals]]("totals", Recent)
SETTINGS = web.AppKey("settings", Settings)
STORAGE = web.AppKey("storage", StorageService)
PARSER = web.AppKey("parser", ParserPool)
TRACING = web.AppKey("tracing", Tracing)
TRACE = web.RequestKey("trace", TraceContext)
TURNS = web.AppKey("turns", Turns)
HUB = web.AppKey("hub", Hub)
METRICS = web.AppKey("metrics", Metrics)
PACER = web.AppKey("pacer", Pacer)
DOCUMENT = web.AppKey("document", StaticFile)
SUMMARIES = web.AppKey("summaries", SummaryCache)
PROBES = web.AppKey("probes", Probes)
WEB = web.AppKey("web", WebFiles)


def session_id_of(request: web.Request) -> UUID:
    """The session id in the path; what is no UUID is no session either.

    Raises:
        SessionNotFoundError: it is none.
    """
    text = request.match_info["session_id"]
    try:
        return UUID(text)
    except ValueError:
        raise no_such_session() from None


async def session_of(request: web.Request) -> SessionRow:
    """The session that the path names.

    Raises:
        SessionNotFoundError: there is none.
    """
    session = await request.app[STORAGE].sessions.get(session_id_of(request))
    if session is None:
        raise no_such_session()
    return session


async def unheld_session_of(request: web.Request) -> SessionRow:
    """The session that the path names, for who asks for films to be looked up.

    Raises:
        SessionHeldError: the operator holds it.
        SessionNotFoundError: there is none.
    """
    session = await session_of(request)
    if session.held:
        raise SessionHeldError(
            "Nothing of it is looked up, and nothing comes to it, until the operator releases it. "
            "It can be read, exported and deleted."
        )
    return session


def no_such_session() -> SessionNotFoundError:
    """The one answer to an unknown, deleted or expired id: it tells them apart to nobody."""
    return SessionNotFoundError(
        "Check the id; a session that was deleted, or not read for long, is gone."
    )


def share_id_of(request: web.Request) -> UUID:
    """The share id in the path; what is no UUID is no share either.

    Raises:
        ShareNotFoundError: it is none.
    """
    try:
        return UUID(request.match_info["share_id"])
    except ValueError:
        raise no_such_share() from None


async def share_of(request: web.Request) -> SharedSession:
    """The share that the path names, with its session.

    Raises:
        ShareNotFoundError: there is none.
    """
    shown = await request.app[STORAGE].shares.get(share_id_of(request))
    if shown is None:
        raise no_such_share()
    return shown


def no_such_share() -> ShareNotFoundError:
    """The one answer to an unknown, revoked or expired share, and to one of a deleted session."""
    return ShareNotFoundError(
        "Check the id; a share that was ended, or whose list was deleted, is gone."
    )


def position_of(request: web.Request) -> int:
    """The movie's position in the path."""
    return int(request.match_info["position"])


def json_response(answer: BaseModel, *, status: int = 200, **headers: str) -> web.Response:
    """An answer as JSON; header names are given with underscores."""
    return web.Response(
        status=status,
        text=answer.model_dump_json(),
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
