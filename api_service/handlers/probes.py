"""Liveness, readiness, health and metrics; see `shared/http/probes.py` and `shared/metrics.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_service.context import METRICS, PROBES

if TYPE_CHECKING:
    from aiohttp import web


async def livez(request: web.Request) -> web.Response:
    """Answer `GET /livez`."""
    return await request.app[PROBES].livez(request)


async def readyz(request: web.Request) -> web.Response:
    """Answer `GET /readyz`."""
    return await request.app[PROBES].readyz(request)


async def health(request: web.Request) -> web.Response:
    """Answer `GET /health`."""
    return await request.app[PROBES].health(request)


async def get_metrics(request: web.Request) -> web.Response:
    """Answer `GET /metrics`."""
    return await request.app[METRICS].answer()
