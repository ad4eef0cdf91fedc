"""The web page: its shell, which is the same for every view, and its assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from api_service.context import WEB

if TYPE_CHECKING:
    from api_service.static_files import StaticFile


async def get_page(request: web.Request) -> web.Response:
    """Answer `GET /`, `/session/{id}` and `/worker`: the page itself decides what to show."""
    return _page(request, request.app[WEB].shell)


async def get_shared_page(request: web.Request) -> web.Response:
    """Answer `GET /share/{id}`: the same page, which no search engine is to keep."""
    return _page(request, request.app[WEB].shared_shell)


def _page(request: web.Request, shell: StaticFile) -> web.Response:
    return shell.answer(
        request,
        {
            "Content-Security-Policy": request.app[WEB].policy,
            # Whoever has the address of a list may read it: no other host may learn it.
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
        },
    )


async def get_asset(request: web.Request) -> web.Response:
    """Answer `GET /assets/{path}`."""
    file = request.app[WEB].assets.get(request.match_info["path"])
    if file is None:
        raise web.HTTPNotFound
    return file.answer(request, {})
