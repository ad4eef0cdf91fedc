"""Reading TMDB's answers with no I/O: bytes in, a model out, or an error that says what to do next.

Status codes and their meaning: https://developer.themoviedb.org/docs/errors.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from enrich_service.tmdb.errors import (
    KeyRefusedError,
    MalformedError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    TMDBError,
    Trouble,
    UnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from enrich_service.tmdb.requests import T_co, TMDBRequest

# 3 no permission, 7 invalid, 10 suspended, 14 authentication failed, 31 account disabled,
# 32 e-mail not verified, 33 and 35 invalid token, 45 user suspended.
_KEY_CODES = frozenset({3, 7, 10, 14, 31, 32, 33, 35, 45})
# 6 and 34 come with 404; 44 "the ID is invalid" comes with 500, so the code decides.
_UNKNOWN_ID_CODES = frozenset({6, 34, 44})
_OVER_LIMIT_CODE = 25
# 9 and 46 offline, 11 and 15 internal, 24 timeout, 43 backend unreachable.
_OUTAGE_CODES = frozenset({9, 11, 15, 24, 43, 46})
# What a proxy or a login page answers as well: believed only when TMDB's own body comes with it.
_FOREIGN_STATUSES = frozenset(
    {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED}
)
_FIRST_REDIRECT, _FIRST_CLIENT_ERROR, _FIRST_SERVER_ERROR = 300, 400, 500
_LONGEST_MESSAGE = 200
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


@dataclass(frozen=True, slots=True)
class _Body:
    """TMDB's own words in an error body; `is_tmdb` is false when TMDB cannot have written it."""

    status_code: int | None = None
    message: str | None = None
    is_tmdb: bool = False


def read_answer(
    request: TMDBRequest[T_co], status: int, headers: Mapping[str, str], body: bytes
) -> T_co:
    """Read one complete answer.

    Args:
        request: what was asked.
        status: HTTP status.
        headers: looked up case-insensitively.
        body: all of it, decompressed.

    Raises:
        NotFoundError: TMDB has no such film.
        RateLimitedError: 429, with the seconds of Retry-After if there are any.
        KeyRefusedError: 401, or a code that speaks of the key.
        UnavailableError: 5xx, or an answer that TMDB cannot have written.
        MalformedError: 200 with a body that is not what was asked for.
        RefusedError: any other 4xx.
    """
    if status != HTTPStatus.OK:
        raise _refusal(request, status, headers, _error_body(body))
    if rb"\u0000" in body:  # PostgreSQL's text cannot hold it
        body = _NUL.sub(rb"\1", body)
    try:
        answer = request.model.model_validate_json(body)
    except ValidationError as error:
        failure = _unreadable(request, headers, body, error)
    else:
        missing = [name for name in request.needs if getattr(answer, name) is None]
        if not missing:
            return answer
        failure = MalformedError(
            f"the answer lacks {', '.join(missing)}", route=request.route, http_status=status
        )
    raise failure


def _unreadable(
    request: TMDBRequest[BaseModel],
    headers: Mapping[str, str],
    body: bytes,
    error: ValidationError,
) -> TMDBError:
    """Say where a 200 answer goes wrong, unless it is one of TMDB's refusals after all."""
    words = _error_body(body)
    if words.status_code is not None:
        return _refusal(request, HTTPStatus.OK, headers, words)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return MalformedError(
        f"{f'{place}: ' if place else ''}{first['msg']} ({len(body)} bytes)",
        route=request.route,
        http_status=HTTPStatus.OK,
    )


def _refusal(
    request: TMDBRequest[BaseModel], status: int, headers: Mapping[str, str], words: _Body
) -> TMDBError:
    """Choose the error: TMDB's code decides, then the HTTP status."""
    error: type[NotFoundError | KeyRefusedError | RefusedError | MalformedError]
    code = words.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS or code == _OVER_LIMIT_CODE:
        return RateLimitedError(
            "too many requests",
            retry_after=_retry_after(headers),
            route=request.route,
            http_status=status,
            status_code=code,
            status_message=words.message,
        )
    if kind := _trouble(status, words):
        return UnavailableError(
            "this is not TMDB's answer: is TMDB_BASE_URL right?"
            if kind is Trouble.FOREIGN
            else "TMDB is in trouble",
            kind=kind,
            retry_after=_retry_after(headers),
            route=request.route,
            http_status=status,
            status_code=code,
            status_message=words.message,
        )
    if code in _UNKNOWN_ID_CODES or (code is None and status == HTTPStatus.NOT_FOUND):
        error, detail = NotFoundError, "TMDB has no such film"
    elif code in _KEY_CODES or status == HTTPStatus.UNAUTHORIZED:
        error, detail = KeyRefusedError, "TMDB refuses the key: see TMDB_API_KEY"
    elif status < _FIRST_CLIENT_ERROR:
        error, detail = MalformedError, "an answer without the film"
    else:
        error, detail = RefusedError, "TMDB refuses this request"
    return error(
        detail,
        route=request.route,
        http_status=status,
        status_code=code,
        status_message=words.message,
    )


def _trouble(status: int, words: _Body) -> Trouble | None:
    """Tell an outage or somebody else's answer from one that is about the request."""
    if words.status_code in _UNKNOWN_ID_CODES | _KEY_CODES:
        return None
    if status >= _FIRST_SERVER_ERROR or words.status_code in _OUTAGE_CODES:
        return Trouble.SERVER_ERROR
    if status == HTTPStatus.REQUEST_TIMEOUT:
        return Trouble.TIMEOUT
    redirected = _FIRST_REDIRECT <= status < _FIRST_CLIENT_ERROR
    if redirected or (status in _FOREIGN_STATUSES and not words.is_tmdb):
        return Trouble.FOREIGN
    return None


def _error_body(body: bytes) -> _Body:
    """Read whichever of TMDB's forms of refusal this is; anything else is not TMDB's."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return _Body()
    if not isinstance(content, dict):
        return _Body()
    code, message, errors = (
        content.get("status_code"),
        content.get("status_message"),
        content.get("errors"),
    )
    if isinstance(errors, list) and not isinstance(message, str):
        message = "; ".join(str(error) for error in errors)
    is_code = isinstance(code, int) and not isinstance(code, bool)
    return _Body(
        status_code=code if is_code else None,
        message=_printable(message) if isinstance(message, str) else None,
        is_tmdb=is_code or "status_message" in content or isinstance(errors, list),
    )


def _printable(message: str) -> str:
    kept = "".join(char if char.isprintable() else " " for char in message[:_LONGEST_MESSAGE])
    return " ".join(kept.split())


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from either form of RFC 9110's Retry-After; None when there is neither.

    A date is measured against the answer's own Date where it has one, so that a wrong clock on
    either side does no harm.
    """
    lowered = {name.lower(): value.strip() for name, value in headers.items()}
    text = lowered.get("retry-after", "")
    if _SECONDS.fullmatch(text):
        return float(text)
    until = _moment(text)
    if until is None:
        return None
    now = _moment(lowered.get("date", "")) or dt.datetime.now(dt.UTC)
    return max(0.0, (until - now).total_seconds())


def _moment(text: str) -> dt.datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
