"""The stand-in as an aiohttp application: routes, and the middleware of `/3`."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from aiohttp import web

from local_stack.tmdb.control import add_control_routes
from local_stack.tmdb.faults import FaultKind, carry_out
from local_stack.tmdb.options import StandInOptions
from local_stack.tmdb.refusals import Refusal
from local_stack.tmdb.routes import add_routes
from local_stack.tmdb.state import STAND_IN, StandIn

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from local_stack.tmdb.catalogue import Catalogue

_V3_KEY = re.compile(r"[0-9a-fA-F]{32}")
_V4_TOKEN = re.compile(r"eyJ\S+")
_UNANSWERED = frozenset({FaultKind.HANG, FaultKind.RESET})


def create_app(catalogue: Catalogue, options: StandInOptions | None = None) -> web.Application:
    """Return a stand-in that serves this catalogue, for any aiohttp runner."""
    app = web.Application(middlewares=[_gate])
    app[STAND_IN] = StandIn(catalogue, options or StandInOptions())
    app.on_shutdown.append(_let_go)
    add_routes(app)
    add_control_routes(app)
    return app


async def _let_go(app: web.Application) -> None:
    app[STAND_IN].stopping.set()
    app[STAND_IN].faults.replace([])


@web.middleware
async def _gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request, enforce the budget, inject faults, check the key, and respond."""
    if not request.path.startswith("/3/"):
        return await handler(request)
    stand_in = request.app[STAND_IN]
    wait = stand_in.arrive(request.match_info.route.name or "unknown")
    if wait is not None:
        stand_in.refused += 1
        stand_in.answered[429] += 1
        return Refusal.OVER_LIMIT.answer({"Retry-After": str(wait)})
    if stand_in.options.latency:
        await asyncio.sleep(stand_in.options.latency)

    async def true_answer(request: web.Request) -> web.StreamResponse:
        if not _key_is_good(request, stand_in.options.api_key):
            return Refusal.INVALID_KEY.answer()
        if request.match_info.http_exception is not None:
            return Refusal.NOT_FOUND.answer()
        return await handler(request)

    rule = stand_in.faults.striking(request)
    if rule is None:
        answer = await true_answer(request)
    else:
        answer = await carry_out(
            rule,
            request,
            true_answer,
            replaced=stand_in.faults.replaced,
            stopping=stand_in.stopping,
        )
    if rule is None or rule.kind not in _UNANSWERED:
        stand_in.answered[answer.status] += 1
    return answer


def _key_is_good(request: web.Request, only: str | None) -> bool:
    key = request.query.get("api_key", "")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = ""
    if only is not None:
        return only in (key, token)
    return bool(_V3_KEY.fullmatch(key) or _V4_TOKEN.fullmatch(token))
