"""Application keys, and lookups of what a request's path names."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import web

from api_service.errors import SessionHeldError, ShareNotFoundError
from api_service.eta import EtaEstimator
from api_service.limits.client_identity import ClientIdentifier
from api_service.limits.client_limits import ClientLimits
from api_service.limits.connections import ConnectionLimits
from api_service.metrics import Metrics
from api_service.static_files import StaticFile, WebFiles
from api_service.storage import StorageService
from api_service.storage.clients import Totals
from api_service.storage.summary_cache import SummaryCache
from api_service.streams.hub import Hub
from api_service.uploads.disk_budget import DiskBudget
from api_service.uploads.keyed_locks import KeyedLocks
from api_service.uploads.parser_pool import ParserPool
from shared.errors import SessionNotFoundError
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
CLIENTS = web.AppKey("clients", ClientIdentifier)
LIMITS = web.AppKey("limits", ClientLimits)
CONNECTIONS = web.AppKey("connections", ConnectionLimits)
DISK_BUDGET = web.AppKey("disk_budget", DiskBudget)
TOTALS = web.AppKey[Recent[Totals]]("totals", Recent)
SETTINGS = web.AppKey("settings", Settings)
STORAGE = web.AppKey("storage", StorageService)
PARSER = web.AppKey("parser", ParserPool)
TRACING = web.AppKey("tracing", Tracing)
TRACE = web.RequestKey("trace", TraceContext)
LOCKS = web.AppKey("locks", KeyedLocks)
HUB = web.AppKey("hub", Hub)
METRICS = web.AppKey("metrics", Metrics)
ETA = web.AppKey("eta", EtaEstimator)
DOCUMENT = web.AppKey("document", StaticFile)
SUMMARIES = web.AppKey("summaries", SummaryCache)
PROBES = web.AppKey("probes", Probes)
WEB = web.AppKey("web", WebFiles)


def session_id_of(request: web.Request) -> UUID:
    """Return the session id in the path.

    Raises:
        SessionNotFoundError: it is no UUID, and so no session.
    """
    try:
        return UUID(request.match_info["session_id"])
    except ValueError:
        raise no_such_session() from None


async def session_of(request: web.Request) -> SessionRow:
    """Return the session that the path names.

    Raises:
        SessionNotFoundError: there is none.
    """
    session = await request.app[STORAGE].sessions.get(session_id_of(request))
    if session is None:
        raise no_such_session()
    return session


async def unheld_session_of(request: web.Request) -> SessionRow:
    """Return the session that the path names, for who asks for films to be looked up.

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
    """Return the one answer to an unknown, deleted or expired id, so that nobody can tell which."""
    return SessionNotFoundError(
        "Check the id; a session that was deleted, or not read for long, is gone."
    )


def share_id_of(request: web.Request) -> UUID:
    """Return the share id in the path; what is no UUID is no share either.

    Raises:
        ShareNotFoundError: it is none.
    """
    try:
        return UUID(request.match_info["share_id"])
    except ValueError:
        raise no_such_share() from None


async def share_of(request: web.Request) -> SharedSession:
    """Return the share that the path names, with its session.

    Raises:
        ShareNotFoundError: there is none.
    """
    shown = await request.app[STORAGE].shares.get(share_id_of(request))
    if shown is None:
        raise no_such_share()
    return shown


def no_such_share() -> ShareNotFoundError:
    """Return the one answer to an unknown, revoked or expired share, or one of a deleted list."""
    return ShareNotFoundError(
        "Check the id; a share that was ended, or whose list was deleted, is gone."
    )


def position_of(request: web.Request) -> int:
    """Return the movie's position in the path."""
    return int(request.match_info["position"])


def json_response(answer: BaseModel, *, status: int = 200, **headers: str) -> web.Response:
    """Return an answer as JSON; header names are given with underscores."""
    return web.Response(
        status=status,
        text=answer.model_dump_json(),
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
