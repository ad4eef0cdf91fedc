"""Answers to what is no request that can be read: a problem with an id, as any other refusal is.

aiohttp's parser refuses such input before there is a request, so no middleware sees it. An error
that is raised outside of them ends here too.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from shared.http.problem_json import problem_response
from shared.http.response_headers import set_common_headers

if TYPE_CHECKING:
    from aiohttp.web_protocol import RequestHandler

LONGEST_ADDRESS: Final = 8190
LONGEST_HEADER: Final = 4096
"""Bytes of an address, and of one header with its name."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What is answered to one kind of input."""

    status: HTTPStatus
    code: str
    title: str
    detail: str


NO_REQUEST: Final = Unreadable(
    HTTPStatus.BAD_REQUEST,
    "unreadable_request",
    "This is no request",
    "It cannot be read as a request in HTTP/1.1.",
)
LONG_ADDRESS: Final = Unreadable(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    "address_too_long",
    "The address is too long",
    f"The address of a request may have {LONGEST_ADDRESS:,} bytes.",
)
LONG_HEADER: Final = Unreadable(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "header_too_long",
    "A header is too long",
    f"A header of a request may have {LONGEST_HEADER:,} bytes.",
)
DEFECT: Final = Unreadable(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "internal_server_error",
    "Internal Server Error",
    "A defect of this service; it has been logged.",
)

log = structlog.get_logger(__name__)


def answer_unreadable_requests() -> None:
    """Have aiohttp's servers in this process answer such input as problems from now on.

    aiohttp has no setting for it: which class handles a connection is hidden in an application.
    """
    web.RequestHandler.handle_error = _answer  # type: ignore[assignment]  # see above
    logging.getLogger("aiohttp.server").addFilter(_is_no_clients_fault)


def _is_no_clients_fault(record: logging.LogRecord) -> bool:
    """Whether a line of aiohttp's is logged: not for what was left unread of a broken body."""
    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, web.RequestPayloadError)


def _answer(
    connection: RequestHandler,  # noqa: ARG001  # aiohttp's signature
    request: web.BaseRequest,
    status: int = 500,
    exc: BaseException | None = None,
    message: str | None = None,  # noqa: ARG001  # repeats what the client sent
) -> web.StreamResponse:
    if request.writer.output_size > 0:
        raise ConnectionError("a part of the answer was sent already")
    request_id = uuid4().hex
    kind = _kind_of(exc)
    if kind is DEFECT:
        log.error("request_crashed", request_id=request_id, status=status, exc_info=exc)
    else:
        reason = type(exc).__name__
        log.debug("request_unreadable", request_id=request_id, code=kind.code, reason=reason)
    response = problem_response(kind.status, kind.code, title=kind.title, detail=kind.detail)
    response.headers["X-Request-ID"] = request_id
    set_common_headers(response)
    response.force_close()
    return response


def _kind_of(error: BaseException | None) -> Unreadable:
    if isinstance(error, LineTooLong):
        _, limit, *_ = error.args
        return LONG_ADDRESS if limit == LONGEST_ADDRESS else LONG_HEADER
    return NO_REQUEST if isinstance(error, HttpProcessingError) else DEFECT
