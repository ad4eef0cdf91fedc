"""The web page over HTTP: its shell, which is the same for every view, and its assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import ETag, hdrs, web

from api_service.context import WEB

if TYPE_CHECKING:
    from api_service.web_files import WebFile


async def get_page(request: web.Request) -> web.Response:
    """`GET /`, `/session/{id}` and `/worker`: the page finds out by itself what to show."""
    files = request.app[WEB]
    response = _response(request, files.shell)
    response.headers.update(
        {
            "Content-Security-Policy": files.policy,
            # The address of a session is the capability to read it: no other host may learn it.
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
    )
    return response


async def get_asset(request: web.Request) -> web.Response:
    """`GET /assets/{path}`."""
    file = request.app[WEB].assets.get(request.match_info["path"])
    if file is None:
        raise web.HTTPNotFound
    return _response(request, file)


def _response(request: web.Request, file: WebFile) -> web.Response:
    headers = {
        # Asked for each time and answered from the cache, so that a new release is seen at once.
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
    }
    if any(tag.value in {file.etag, "*"} for tag in request.if_none_match or ()):
        response = web.Response(status=304, headers=headers)
    elif "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        response = web.Response(body=file.compressed, headers=headers)
        response.headers[hdrs.CONTENT_ENCODING] = "gzip"
    else:
        response = web.Response(body=file.body, headers=headers)
    response.content_type = file.content_type
    response.charset = "utf-8"
    response.etag = ETag(file.etag, is_weak=True)  # both encodings have the same one
    return response
