"""The files of the web page: read, stamped and compressed once, when the process starts.

The sample list is one of them, where there is one to offer.
"""

from __future__ import annotations

import html
import io
import mimetypes
import zipfile
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from api_service.static_files import StaticFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable
    from pathlib import Path

_WEB = resources.files("api_service") / "web"
_IMAGES_PLACE = "{{images}}"
_SAMPLE_PLACE = "{{sample}}"
_ROBOTS_PLACE = "{{robots}}"
_SAMPLE = "sample.zip"
# mimetypes asks the machine, whose tables differ.
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class WebFiles:
    """The shell, which is the HTML of every view, and the assets by their path under `/assets/`.

    That of shared lists differs in what it says to search engines.

    Args:
        image_base_url: where posters come from; the only other host that the page may speak to.
        sample: the folder of the list that the start page offers to try, if it is to offer one.
    """

    def __init__(self, image_base_url: str, sample: Path | None = None) -> None:
        shell = (_WEB / "index.html").read_text(encoding="utf-8")
        shell = shell.replace(_IMAGES_PLACE, html.escape(image_base_url))
        shell = shell.replace(_SAMPLE_PLACE, f"/assets/{_SAMPLE}" if sample else "")
        self.shell, self.shared_shell = (
            StaticFile.of(shell.replace(_ROBOTS_PLACE, robots).encode(), "text/html")
            for robots in ("all", "noindex")
        )
        self.assets = {
            path: StaticFile.of(file.read_bytes(), _content_type(path))
            for path, file in _files(_WEB / "assets")
        }
        if sample:
            self.assets[_SAMPLE] = StaticFile.of(_zipped(sample), "application/zip")
        self.policy = content_policy(image_base_url)


def content_policy(image_base_url: str) -> str:
    """The Content-Security-Policy: everything from here, pictures also from where posters are."""
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
