"""Middlewares that decide before any handler: who asks, and whether another site's page does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from api_service.context import CLIENT, CLIENTS, METRICS
from api_service.http.routing import READING
from shared.errors import CrossSiteError, ProjectionistError
from shared.logging.throttle import Seldom

if TYPE_CHECKING:
    from api_service.http.routing import Handler

log = structlog.get_logger(__name__)
seldom = Seldom()
"""A flood is no reason to fill the log."""


@web.middleware
async def count_refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count what is refused to bound the service."""
    try:
        return await handler(request)
    except ProjectionistError as error:
        limit = str(error.extra.get("limit", ""))
        is_counted = request.app[METRICS].note_refusal(error.code)
        if is_counted and (suppressed := seldom.due((error.code, limit))) is not None:
            log.info("request_refused", code=error.code, limit=limit, suppressed=suppressed)
        raise


@web.middleware
async def identify_client(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Note whom the request comes from."""
    request[CLIENT] = request.app[CLIENTS].address_of(request)
    return await handler(request)


@web.middleware
async def refuse_cross_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what another site's page has a browser send, if it would change anything.

    Browsers say so by themselves, and no page can make them say otherwise.
    https://www.w3.org/TR/fetch-metadata/

    Raises:
        CrossSiteError: it is such a request.
    """
    site = request.headers.get("Sec-Fetch-Site", "").strip().lower()
    if site == "cross-site" and request.method not in READING:
        raise CrossSiteError("Send it from the service's own page, or from a program.")
    return await handler(request)
