"""Static files of the API: read once, compressed once, checked by their ETag."""

from __future__ import annotations

import gzip
import hashlib
import html
import io
import mimetypes
import zipfile
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from aiohttp import ETag, hdrs, web

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

_WEB = resources.files("api_service") / "web"
_IMAGES_PLACE = "{{images}}"
_SAMPLE_PLACE = "{{sample}}"
_ROBOTS_PLACE = "{{robots}}"
_SAMPLE = "sample.zip"
# mimetypes asks the machine, whose tables differ.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_TEXTUAL = ("text/", "application/json", "image/svg+xml")
"""Types that have a charset."""


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    body: bytes
    compressed: bytes
    content_type: str
    etag: str

    @classmethod
    def from_bytes(cls, body: bytes, content_type: str) -> Self:
        """Compress and stamp the file."""
        etag = hashlib.sha256(body).hexdigest()[:32]
        return cls(body, gzip.compress(body, mtime=0), content_type, etag)

    def answer(self, request: web.Request, headers: Mapping[str, str]) -> web.Response:
        """Send it, unless the client has it already."""
        headers = {
            # Asked for each time and answered from the cache: a new release is seen at once.
            hdrs.CACHE_CONTROL: "no-cache",
            hdrs.VARY: hdrs.ACCEPT_ENCODING,
            "X-Content-Type-Options": "nosniff",
            **headers,
        }
        if any(tag.value in {self.etag, "*"} for tag in request.if_none_match or ()):
            response = web.Response(status=304, headers=headers)
        elif "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            response = web.Response(body=self.compressed, headers=headers)
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
        else:
            response = web.Response(body=self.body, headers=headers)
        response.content_type = self.content_type
        if self.content_type.startswith(_TEXTUAL):
            response.charset = "utf-8"
        response.etag = ETag(self.etag, is_weak=True)  # both encodings have the same one
        return response


class WebFiles:
    """The files of the web page, read, stamped and compressed when the process starts.

    The shell is the HTML of every view; that of shared lists says something else to search engines.
    The assets are kept by their path under `/assets/`.

    Args:
        image_base_url: where posters come from; the only other host that the page may speak to.
        sample: the folder of the list that the start page offers to try, if it is to offer one.
    """

    def __init__(self, image_base_url: str, sample: Path | None = None) -> None:
        shell = (_WEB / "index.html").read_text(encoding="utf-8")
        shell = shell.replace(_IMAGES_PLACE, html.escape(image_base_url))
        shell = shell.replace(_SAMPLE_PLACE, f"/assets/{_SAMPLE}" if sample else "")
        self.shell, self.shared_shell = (
            StaticFile.from_bytes(shell.replace(_ROBOTS_PLACE, robots).encode(), "text/html")
            for robots in ("all", "noindex")
        )
        self.assets = {
            path: StaticFile.from_bytes(file.read_bytes(), _content_type(path))
            for path, file in _files(_WEB / "assets")
        }
        if sample:
            self.assets[_SAMPLE] = StaticFile.from_bytes(_zipped(sample), "application/zip")
        self.policy = content_policy(image_base_url)


def content_policy(image_base_url: str) -> str:
    """Return the Content-Security-Policy: all from here, but pictures also from TMDB."""
    address = urlsplit(image_base_url)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src 'self' {address.scheme}://{address.netloc}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _zipped(folder: Path) -> bytes:
    """Zip the files below a folder; the same files give the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix())
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, path.read_bytes())
    return target.getvalue()


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}", entry


def _content_type(path: str) -> str:
    ending = path[path.rfind(".") :]
    return _TYPES.get(ending) or mimetypes.guess_type(path)[0] or "application/octet-stream"
