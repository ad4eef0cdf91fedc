"""Taking an upload in: its files go to disk as they arrive, and every byte is counted by hand.

aiohttp's own `client_max_size` does not see chunked reads of a multipart body, and a broken body
raises bare ValueError or AssertionError out of its parser.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from api_service.full_disk import our_disk
from api_service.limits.body_pace import BodyPace, body_pace
from api_service.lists.model import UploadedFile
from api_service.uploads.disk_budget import FIRST_BYTES, bytes_needed
from shared.errors import (
    BadRequestError,
    EmptyUploadError,
    UnsupportedMediaTypeError,
    UploadTooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import BodyPartReader

    from api_service.uploads.disk_budget import Booking
    from shared.settings import Settings


CHUNK = 256 * 1024
MOST_FILES = 1000
_ZIP = b"PK"
_RAW_TYPES = frozenset(
    {
        "text/csv",
        "text/plain",
        "text/tab-separated-values",
        "application/csv",
        "application/json",
        "application/jsonl",
        "application/x-ndjson",
        "application/vnd.ms-excel",
        "application/zip",
        "application/x-zip-compressed",
        "application/octet-stream",
    }
)
# What reading a broken body raises; `HttpProcessingError` comes of a part's own headers.
_BROKEN_BODY = (
    *(ValueError, AssertionError, RuntimeError, ConnectionError),
    *(aiohttp.ClientError, HttpProcessingError, web.RequestPayloadError),
)


@dataclass(frozen=True, slots=True)
class Spooled:
    """An upload on disk: its files, their bytes, and a digest of their names and bytes in order."""

    files: tuple[UploadedFile, ...]
    size: int
    sha256: bytes


class Spool:
    """Writes one request's files into a folder.

    Args:
        folder: where to; it is the caller's to remove.
        settings: how large an upload may be, and how slow.
        booking: the room that it has in the folder.
    """

    def __init__(self, folder: Path, settings: Settings, booking: Booking) -> None:
        self._folder = folder
        self._settings = settings
        self._max_bytes = settings.upload_max_bytes
        self._booking = booking
        self._declared: int | None = None
        self._zipped = False
        self._pace: BodyPace
        self._taken = 0
        self._digest = hashlib.sha256()

    async def take_in(self, request: web.Request) -> Spooled:
        """Write the request's body to disk.

        Raises:
            EmptyUploadError: there is not one byte in it.
            UploadTooLargeError: it is more than `max_bytes`.
            UnsupportedMediaTypeError: it is neither a form nor a list, or it is compressed.
            StorageFullError: the disk does not take it.
            ServiceFullError: other uploads take all the room.
            BodyTooSlowError: it comes too slowly.
            BadRequestError: the body breaks off, or its form is broken.
        """
        settings = self._settings
        async with body_pace(settings.upload_least_rate, settings.upload_seconds) as self._pace:
            with self._pace.standing_still():
                await self._booking.grow_to(FIRST_BYTES)
            self._declared = request.content_length
            spooled = await self._take_in(request)
        needed = self._needed(spooled.size)
        self._booking.shrink_to(needed)
        await self._booking.grow_to(needed)
        return spooled

    async def _take_in(self, request: web.Request) -> Spooled:
        if request.content_length is not None and request.content_length > 2 * self._max_bytes:
            raise self._too_large()
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity") != "identity":
            # A compressed body that breaks off cannot be told from a whole one here.
            raise UnsupportedMediaTypeError("Send it without Content-Encoding, or send a zip.")
        try:
            if request.content_type == "multipart/form-data":
                files = await self._take_form(request)
            elif request.content_type in _RAW_TYPES or hdrs.CONTENT_TYPE not in request.headers:
                files = [await self._take_raw(request)]
            else:
                raise UnsupportedMediaTypeError(
                    f"{request.content_type}: send a form with files (multipart/form-data), or the "
                    "list itself with `Content-Type: text/csv`."
                )
        except _BROKEN_BODY as error:
            raise BadRequestError("The body is broken or breaks off.") from error
        if not any(file.path.stat().st_size for file in files):
            raise EmptyUploadError(
                "Send one or more files as multipart/form-data, or the list itself as text/csv."
            )
        return Spooled(tuple(files), self._taken, self._digest.digest())

    async def _take_raw(self, request: web.Request) -> UploadedFile:
        disposition = request.headers.get(hdrs.CONTENT_DISPOSITION)
        parsed = aiohttp.multipart.parse_content_disposition(disposition)[1]
        name = aiohttp.multipart.content_disposition_filename(parsed) or ""
        return await self._write(name, 0, request.content.iter_chunked(CHUNK))

    async def _take_form(self, request: web.Request) -> list[UploadedFile]:
        files: list[UploadedFile] = []
        nameless: list[UploadedFile] = []
        count = 0
        async for part in await request.multipart():
            count += 1
            if not isinstance(part, aiohttp.BodyPartReader):
                raise BadRequestError("A part of the form is a form itself: send the files flat.")
            if count > MOST_FILES:
                raise BadRequestError(f"More than {MOST_FILES} parts: send a zip instead.")
            file = await self._write(part.filename or part.name or "", count, _chunks(part))
            if not part.filename and not file.path.stat().st_size:
                continue  # a file input in which nothing was chosen
            (nameless if part.filename is None else files).append(file)
        # Fields without a file name are the form's other inputs, unless there is nothing else.
        return files or nameless

    async def _write(self, name: str, number: int, chunks: AsyncIterator[bytes]) -> UploadedFile:
        path = self._folder / f"file-{number}"
        self._digest.update(f"\0{name}\0".encode("utf-8", "surrogatepass"))
        is_first = True
        with our_disk(), path.open("wb", buffering=0) as target:
            async for chunk in chunks:
                self._pace.note(len(chunk))
                self._taken += len(chunk)
                if self._taken > self._max_bytes:
                    raise self._too_large()
                self._zipped |= is_first and chunk.startswith(_ZIP)
                is_first = False
                if self._taken > self._booking.size:
                    await self._make_room()
                self._digest.update(chunk)
                rest = memoryview(chunk)
                while rest:  # a disk that is almost full takes a part and says so only by its size
                    rest = rest[target.write(rest) :]
        return UploadedFile(name, path)

    async def _make_room(self) -> None:
        """Book all that the upload will need at once, now that it has really begun to come.

        Who books a part, and then another one, would wait with others for each other.
        """
        size = min(self._declared or self._max_bytes, self._max_bytes)
        with self._pace.standing_still():
            await self._booking.grow_to(max(self._needed(size), self._taken))
        # Room is for who uses it: one that trickles would keep it from others.
        self._pace.use_room(size)

    def _needed(self, size: int) -> int:
        return bytes_needed(
            size,
            zipped=self._zipped,
            max_bytes=self._max_bytes,
            max_movies=self._settings.upload_max_movies,
        )

    def _too_large(self) -> UploadTooLargeError:
        return UploadTooLargeError(
            f"At most {self._max_bytes} bytes are taken in one upload: send fewer files, or split "
            "the list.",
            extra={"max_bytes": self._max_bytes},
        )


async def _chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    while chunk := await part.read_chunk(CHUNK):
        yield chunk
