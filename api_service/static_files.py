"""Files that the API serves as they are: read once, compressed once, checked by their ETag."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from aiohttp import ETag, hdrs, web

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    def of(cls, body: bytes, content_type: str) -> Self:
        """Make it of its bytes."""
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
