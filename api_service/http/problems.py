"""Middlewares: every error becomes an RFC 9457 problem, and every request has an id in its logs."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from aiohttp import hdrs, web

from api_service.queries.parameters import is_usable_request_id
from shared.errors import BadRequestError, ProjectionistError
from shared.http.problem_json import problem_response
from shared.http.response_headers import set_common_headers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_REQUEST_ID = web.RequestKey("request_id", str)

HTTP_PROBLEMS = {
    400: ("bad_request", "The request cannot be read."),
    404: ("not_found", "There is no such route: /docs shows them all."),
    405: ("method_not_allowed", "This route takes {allowed}."),
    413: ("body_too_large", "The body is larger than this route takes."),
    417: ("expectation_failed", "Of the header Expect only 100-continue is known."),
    500: ("internal_server_error", "A defect of this service; it has been logged."),
}
"""Code and detail of the errors that aiohttp raises, by status."""

log = structlog.get_logger(__name__)


@web.middleware
async def request_ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Bind an id, the client's own if it sent a printable one, and log how the request ended."""
    started = time.perf_counter()
    with structlog.contextvars.bound_contextvars(request_id=_id_of(request)):
        response = await handler(request)
        resource = request.match_info.route.resource
        log.debug(
            "request",
            method=request.method,
            route=resource.canonical if resource else None,
            status=response.status,
            seconds=round(time.perf_counter() - started, 4),
        )
    return response


def _id_of(request: web.Request) -> str:
    request_id = request.get(_REQUEST_ID)
    if request_id is None:
        given = request.headers.get("X-Request-ID", "")
        usable = is_usable_request_id(given) and not _has_key(request, given)
        request_id = request[_REQUEST_ID] = given if usable else uuid4().hex
    return request_id


def _has_key(request: web.Request, text: str) -> bool:
    """Whether a text holds the id in the request's address, which no log may have whole."""
    ids = [request.match_info.get(name) for name in ("session_id", "share_id")]
    digits = text.replace("-", "").lower()
    return any(key.replace("-", "").lower() in digits for key in ids if key)


async def complete_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Name the request in its answer, and set what all answers have.

    For `on_response_prepare`: a stream has been sent when its handler returns to the middleware.
    """
    response.headers["X-Request-ID"] = _id_of(request)
    set_common_headers(response)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors as `application/problem+json`, with a stable `code`."""
    try:
        return await handler(request)
    except ProjectionistError as error:
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("request_failed", code=error.code, error=error.detail)
        return _problem(error)
    except web.RequestPayloadError:
        return _problem(BadRequestError("The body is broken, or is not encoded as it says."))
    except web.HTTPException as error:
        if error.status < HTTPStatus.BAD_REQUEST:
            raise
        return _http_problem(error)
    except Exception:
        resource = request.match_info.route.resource
        log.exception(
            "request_crashed",
            method=request.method,
            route=resource.canonical if resource else None,
        )
        return _http_problem(web.HTTPInternalServerError())


async def answer_expectations(_: web.Request, response: web.StreamResponse) -> None:
    """Turn aiohttp's answer to an unknown `Expect`, which no middleware sees, into a problem.

    For `on_response_prepare`, at which time its length has been written down already.
    """
    if isinstance(response, web.HTTPExpectationFailed):
        problem = _http_problem(response)
        response.text = problem.text or ""
        response.content_type = problem.content_type
        response.headers[hdrs.CONTENT_LENGTH] = str(problem.content_length)


def _problem(error: ProjectionistError) -> web.Response:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return problem_response(
        error.status,
        error.code,
        title=error.title,
        detail=error.told,
        headers=headers,
        extra=error.extra,
    )


def _http_problem(error: web.HTTPException) -> web.Response:
    # Python renames its statuses from version to version; a code is for good.
    code, detail = HTTP_PROBLEMS.get(error.status, (f"http_{error.status}", error.reason))
    status = HTTPStatus(error.status)
    allowed = error.headers.get("Allow", "")
    return problem_response(
        status,
        code,
        title=error.reason,
        detail=detail.format(allowed=allowed),
        headers={"Allow": allowed} if allowed else {},
    )
