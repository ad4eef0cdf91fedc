"""The web page, and the OpenAPI document with the page that shows it."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiohttp import web

from api_service.context import DOCUMENT, WEB
from api_service.static_files import StaticFile

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


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


_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer"}
_TYPES: Final = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_OURS: Final = files("api_service") / "web" / "docs"


async def get_document(request: web.Request) -> web.Response:
    """Answer `GET /openapi.json`."""
    return request.app[DOCUMENT].answer(request, {})


async def get_docs(request: web.Request) -> web.Response:
    """Answer `GET /docs`."""
    return await _answer(request, "index.html")


async def get_docs_file(request: web.Request) -> web.Response:
    """Answer `GET /docs/{file}`."""
    return await _answer(request, request.match_info["file"])


async def _answer(request: web.Request, name: str) -> web.Response:
    file = await asyncio.to_thread(_file, name)
    return file.answer(request, _HEADERS)


@cache
def _file(name: str) -> StaticFile:
    # Importing the package would take 58 MB: it makes a page of each of its files.
    package = find_spec("offapi")
    if package is None or package.origin is None:
        raise RuntimeError("The package offapi, which has Swagger UI, is not installed")
    theirs = Path(package.origin).parent
    places: dict[str, Traversable] = {
        "index.html": _OURS / "index.html",
        "start.js": _OURS / "start.js",
        "swagger-ui.js": theirs / "swagger_bundle.js",
        "swagger-ui.css": theirs / "swagger_style.css",
    }
    return StaticFile.from_bytes(places[name].read_bytes(), _TYPES[Path(name).suffix])
