"""Fetching TMDB's daily export: one GET, of one host, within bounds of time."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import aiohttp

from enrich_service.tmdb.export import (
    MOST_COMPRESSED,
    ExportError,
    ExportMissingError,
    export_path,
)

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import AsyncGenerator

_TIMEOUT: Final = aiohttp.ClientTimeout(total=600, sock_connect=10, sock_read=60)
_CHUNK_BYTES: Final = 16 * 1024
# The file server answers 403 for what it does not have.
_MISSING: Final = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})


async def download_export(base_url: str, day: dt.date) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a day's file as they arrive, still compressed.

    Follows no redirect, so that nobody but the host that was named is asked.

    Raises:
        ExportMissingError: there is no file of that day.
        ExportError: it could not be fetched.
    """
    try:
        async with (
            aiohttp.ClientSession(
                timeout=_TIMEOUT, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.get(base_url + export_path(day), allow_redirects=False) as answer,
        ):
            if answer.status in _MISSING:
                raise ExportMissingError(f"there is no export of {day}: HTTP {answer.status}")
            if answer.status != HTTPStatus.OK:
                raise ExportError(f"the export was answered with HTTP {answer.status}")
            if (answer.content_length or 0) > MOST_COMPRESSED:
                raise ExportError(f"the export is larger than {MOST_COMPRESSED} bytes")
            async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                yield chunk
    except (aiohttp.ClientError, OSError) as error:  # a timeout is an OSError, too
        raise ExportError(f"the export did not come: {type(error).__name__}") from error
