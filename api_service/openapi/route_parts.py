"""What several entries of the route table have in common: problems, kinds of files, headers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api_service.http.routing import Content
from api_service.schemas.fleet import FleetAnswer
from api_service.schemas.sessions import FilmsAnswer, GoneAnswer, SessionAnswer
from api_service.uploads.parser_pool import ParserCrashed
from shared.errors import (
    BadRequestError,
    BodyTooSlowError,
    ClientLimitError,
    DatabaseBusyError,
    DatabaseUnavailableError,
    EmptyUploadError,
    IdempotencyKeyReusedError,
    MovieNotFoundError,
    ParsersBusyError,
    QueryTimeoutError,
    SchemaOutdatedError,
    ServiceFullError,
    SessionNotFoundError,
    StorageFullError,
    UnreadableListError,
    UnsupportedMediaTypeError,
    UploadInProgressError,
    UploadTokenError,
    UploadTooCostlyError,
    UploadTooLargeError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

STORED: Final = (
    DatabaseUnavailableError,
    DatabaseBusyError,
    QueryTimeoutError,
    StorageFullError,
    SchemaOutdatedError,
)
OF_SESSION: Final = (SessionNotFoundError, *STORED)
OF_MOVIE: Final = (MovieNotFoundError, *OF_SESSION)
OF_UPLOAD: Final = (
    BadRequestError,
    EmptyUploadError,
    UploadInProgressError,
    UploadTooLargeError,
    UnsupportedMediaTypeError,
    UnreadableListError,
    IdempotencyKeyReusedError,
    ParserCrashed,
    BodyTooSlowError,
    ClientLimitError,
    ParsersBusyError,
    ServiceFullError,
    StorageFullError,
    UploadTokenError,
    UploadTooCostlyError,
    *STORED,
)

FILES: Final = (
    Content("multipart/form-data", "One file or many, in fields of any name: lists, or zips."),
    *(
        Content(media_type, "The list itself.")
        for media_type in ("text/csv", "text/plain", "application/json", "application/jsonl")
    ),
    Content("application/zip", "A zip of lists."),
    Content("application/octet-stream", "A list or a zip; it is told by its content."),
)
UPLOAD_HEADERS: Final = {
    "Idempotency-Key": "The same key with the same body gets the same answer for 24 hours.",
    "Content-Disposition": "Of a list sent as the body itself: names the file, "
    '`attachment; filename="watchlist.csv"`.',
}
EVENTS: Final[Mapping[str, type[BaseModel]]] = {
    "status": SessionAnswer,
    "fleet": FleetAnswer,
    "films": FilmsAnswer,
    "gone": GoneAnswer,
}
LOCATION: Final = {"Location": "The session's status."}
