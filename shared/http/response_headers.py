"""Headers that every answer has, the API's and those of the daemon's probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import hdrs

if TYPE_CHECKING:
    from aiohttp import web

SERVER: Final = "projectionist"
"""aiohttp would tell its own version and Python's to everybody."""


def set_common_headers(response: web.StreamResponse) -> None:
    """Forbid guessing the type of an answer, and keeping it.

    What says itself how long it may be kept, as a file of the page does, is left alone.
    """
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    headers[hdrs.SERVER] = SERVER


async def tell_common_headers(_: web.Request, response: web.StreamResponse) -> None:
    """Set them; for `on_response_prepare`, by which every answer of an application passes."""
    set_common_headers(response)
