"""Files that the API serves as they are: read once, compressed once, checked by their ETag."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from aiohttp import ETag, hdrs, web

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    body: bytes
    zipped: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, content_type: str) -> Self:
        """Make it of its bytes."""
        etag = hashlib.sha256(body).hexdigest()[:32]
        return cls(body, gzip.compress(body, mtime=0), content_type, etag)

    def answer(self, request: web.Request, headers: Mapping[str, str]) -> web.Response:
        """Send it, unless the client has it already."""
        response = web.Response(
            headers={
                hdrs.CACHE_CONTROL: "no-cache",  # ask each time, by the ETag
                hdrs.VARY: hdrs.ACCEPT_ENCODING,
                "X-Content-Type-Options": "nosniff",
                **headers,
            }
        )
        response.etag = ETag(self.etag, is_weak=True)  # compressed or not, it is the same
        if any(known.value in {self.etag, "*"} for known in request.if_none_match or ()):
            response.set_status(304)
            return response
        response.content_type = self.content_type
        response.charset = "utf-8"
        if "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
            response.headers[hdrs.CONTENT_ENCODING] = "gzip"
            response.body = self.zipped
        else:
            response.body = self.body
        return response
