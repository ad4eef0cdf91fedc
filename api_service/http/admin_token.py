"""Who is the operator: a request with the ADMIN_TOKEN, of which few may be tried."""

from __future__ import annotations

import hmac
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import structlog
from aiohttp import hdrs

from api_service.context import CLIENT, CLIENTS, LIMITS, SETTINGS
from shared.errors import AdminTokenError, AdminTokenUnsetError, ProjectionistError

if TYPE_CHECKING:
    from aiohttp import web

log = structlog.get_logger(__name__)


async def check_admin(request: web.Request) -> None:
    """Let nobody through but the operator.

    Raises:
        AdminTokenUnsetError: the API has no ADMIN_TOKEN, so nobody is.
        AdminTokenError: the token is missing, or another one.
        ClientLimitError: the client has tried too many wrong ones.
    """
    token = request.app[SETTINGS].admin_token
    if token is None:
        raise AdminTokenUnsetError("Set ADMIN_TOKEN for the API to switch it on.")
    given = _token_of(request)
    if given is None:
        await _refuse(request, "missing")
    elif not _is_right(request, given, token.get_secret_value()):
        await _refuse(request, "wrong")


async def is_admin(request: web.Request) -> bool:
    """Return whether the operator asks; somebody without a token is anybody.

    Raises:
        AdminTokenError: there is a token, and it is another one.
        ClientLimitError: the client has tried too many wrong ones.
    """
    if request.app[SETTINGS].admin_token is None or _token_of(request) is None:
        return False
    await check_admin(request)
    return True


def _token_of(request: web.Request) -> str | None:
    """The token of `Authorization: Bearer`, the scheme in any case (RFC 9110, 11.1)."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return (token.strip() or None) if scheme.lower() == "bearer" else None


def _is_right(request: web.Request, given: str, admin_token: str) -> bool:
    limits = request.app[LIMITS]
    limits.begin_admin_try(request[CLIENT])
    # aiohttp keeps header bytes that are not UTF-8 as surrogates.
    is_right = hmac.compare_digest(given.encode(errors="surrogateescape"), admin_token.encode())
    if is_right:
        limits.admin_try_succeeded(request[CLIENT])
    return is_right


async def _refuse(request: web.Request, reason: str) -> None:
    """Log a refusal by the client's stored name, which tells no address, and raise it."""
    client = None
    with suppress(ProjectionistError, asyncpg.PostgresError):
        client = await request.app[CLIENTS].name_of(request[CLIENT])
    resource = request.match_info.route.resource
    # Wrong ones are throttled before; without any anybody may ask as often as they like.
    suppressed = request.app[LIMITS].refusals_logged.due(reason) if reason == "missing" else 0
    if suppressed is not None:
        log.warning(
            "admin_token_refused",
            reason=reason,
            route=resource.canonical if resource else None,
            client=client,
            suppressed=suppressed,
        )
    raise AdminTokenError("Send `Authorization: Bearer` with the ADMIN_TOKEN of the API.")
