"""The probes as routes of the API; what they say stands in `shared/http/probes.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from api_service.context import PROBES

if TYPE_CHECKING:
    from aiohttp import web


async def livez(request: web.Request) -> web.Response:
    """`GET /livez`."""
    return await request.app[PROBES].livez(request)


async def readyz(request: web.Request) -> web.Response:
    """`GET /readyz`."""
    return await request.app[PROBES].readyz(request)


async def health(request: web.Request) -> web.Response:
    """`GET /health`."""
    return await request.app[PROBES].health(request)
