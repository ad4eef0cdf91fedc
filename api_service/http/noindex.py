"""Shares are for those who were given their address: search engines are told to keep none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiohttp import web

_SHARED: Final = ("/share/", "/api/share/")


async def forbid_indexing(request: web.Request, response: web.StreamResponse) -> None:
    """Say on every answer of a share, problems among them, that it belongs in no index.

    For `on_response_prepare`, which also sees what no handler has made.
    https://developers.google.com/search/docs/crawling-indexing/robots-meta-tag
    """
    if request.path.startswith(_SHARED):
        response.headers["X-Robots-Tag"] = "noindex"
