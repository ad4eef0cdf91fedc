"""The route that Prometheus scrapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_service.context import METRICS

if TYPE_CHECKING:
    from aiohttp import web


async def get_metrics(request: web.Request) -> web.Response:
    """Answer `GET /metrics`."""
    return await request.app[METRICS].answer()
