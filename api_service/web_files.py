"""The files of the web page: read, stamped and compressed once, when the process starts."""

from __future__ import annotations

import html
import mimetypes
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api_service.static_files import StaticFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

_WEB = resources.files("api_service") / "web"
_IMAGES_PLACE = "{{images}}"
# mimetypes asks the machine, whose tables differ.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class WebFiles:
    """The shell, which is the HTML of every view, and the assets by their path under `/assets/`.

    Args:
        image_base_url: where posters come from; the only other host that the page may speak to.
    """

    def __init__(self, image_base_url: str) -> None:
        shell = (_WEB / "index.html").read_text(encoding="utf-8")
        images = html.escape(image_base_url)
        self.shell = StaticFile.of(shell.replace(_IMAGES_PLACE, images).encode(), "text/html")
        self.assets = {
            path: StaticFile.of(file.read_bytes(), _content_type(path))
            for path, file in _files(_WEB / "assets")
        }
        self.policy = content_policy(image_base_url)


def content_policy(image_base_url: str) -> str:
    """The Content-Security-Policy: everything from here, pictures also from where posters are."""
    address = urlsplit(image_base_url)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' {address.scheme}://{address.netloc}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _content_type(path: str) -> str:
    ending = path[path.rfind(".") :]
    return _TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"
