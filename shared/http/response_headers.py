"""Headers of every response, the API's and the daemon's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import hdrs

if TYPE_CHECKING:
    from aiohttp import web

SERVER: Final = "projectionist"
"""aiohttp would send its own version and Python's."""


def set_common_headers(response: web.StreamResponse) -> None:
    """Forbid sniffing a response's type, and caching it unless it says otherwise."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    headers[hdrs.SERVER] = SERVER


async def tell_common_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Set the common headers; a handler of `on_response_prepare`."""
    set_common_headers(response)
