"""The web page over HTTP: its shell, which is the same for every view, and its assets."""

from __future__ import annotations

from aiohttp import web

from api_service.context import WEB


async def get_page(request: web.Request) -> web.Response:
    """`GET /`, `/session/{id}` and `/worker`: the page finds out by itself what to show."""
    files = request.app[WEB]
    return files.shell.answer(
        request,
        {
            "Content-Security-Policy": files.policy,
            # The address of a session is the capability to read it: no other host may learn it.
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
        },
    )


async def get_asset(request: web.Request) -> web.Response:
    """`GET /assets/{path}`."""
    file = request.app[WEB].assets.get(request.match_info["path"])
    if file is None:
        raise web.HTTPNotFound
    return file.answer(request, {})
