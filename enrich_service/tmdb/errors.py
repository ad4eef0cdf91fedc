"""How a request to TMDB can fail: one small tree, told apart by what has to happen next.

None of these errors ever holds the API key or an address with the key in it, so they may be
logged, stored and shown as they are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar


class TMDBError(Exception):
    """A request to TMDB that brought no usable answer.

    Attributes:
        code: stable, lower-case name that a program may rely on.
        retryable: whether the same request may succeed later.
        route: label of the request, such as `search_movie`.
        detail: what happened, for people.
        http_status: status of the answer; None when there was none.
        status_code: TMDB's own number in the body, if it gave one
            (https://developer.themoviedb.org/docs/errors).
        status_message: TMDB's own words in the body, if it gave any.
    """

    code: ClassVar[str] = "tmdb_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str,
        *,
        route: str,
        http_status: int | None = None,
        status_code: int | None = None,
        status_message: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.route = route
        self.http_status = http_status
        self.status_code = status_code
        self.status_message = status_message

    def __str__(self) -> str:
        parts = [f"{self.route}: {self.detail}"]
        if self.http_status is not None:
            parts.append(f"HTTP {self.http_status}")
        if self.status_code is not None:
            parts.append(f"TMDB code {self.status_code}")
        if self.status_message:
            parts.append(self.status_message)
        return "; ".join(parts)


class NotFoundError(TMDBError):
    """TMDB itself says that it has no such film; an answer from elsewhere never becomes this."""

    code = "not_found"


class RefusedError(TMDBError):
    """TMDB will never accept this request as it stands: a bad parameter, say."""

    code = "refused"


class MalformedError(TMDBError):
    """An answer arrived that cannot be read: no JSON, cut short, too large or of another shape."""

    code = "malformed"
    retryable = True


class KeyRefusedError(TMDBError):
    """TMDB refuses the API key. It says nothing about the film: every request fails alike.

    Retryable, because the film can be asked for again once the key is right.
    """

    code = "key_refused"
    retryable = True


class RateLimitedError(TMDBError):
    """Too many requests.

    Attributes:
        retry_after: seconds that TMDB asks to wait; None when it did not say.
    """

    code = "rate_limited"
    retryable = True

    def __init__(
        self,
        detail: str,
        *,
        retry_after: float | None,
        route: str,
        http_status: int | None = None,
        status_code: int | None = None,
        status_message: str | None = None,
    ) -> None:
        super().__init__(
            detail,
            route=route,
            http_status=http_status,
            status_code=status_code,
            status_message=status_message,
        )
        self.retry_after = retry_after


class Trouble(StrEnum):
    """Why TMDB could not be reached."""

    TIMEOUT = "timeout"
    """No answer in time."""
    CONNECTION = "connection"
    """No connection: the name is unknown, the port closed, or TLS failed."""
    RESET = "reset"
    """The connection ended before an answer was complete."""
    SERVER_ERROR = "server_error"
    """TMDB answered with 5xx."""
    FOREIGN = "foreign"
    """Something that is not TMDB answered: a proxy, a login page, a wrong `TMDB_BASE_URL`."""


class UnavailableError(TMDBError):
    """TMDB cannot be reached or is in trouble. It says nothing about the film.

    Attributes:
        kind: what went wrong.
        retry_after: seconds that the answer asks to wait; None when it did not say.
    """

    code = "unavailable"
    retryable = True

    def __init__(
        self,
        detail: str,
        *,
        kind: Trouble,
        route: str,
        retry_after: float | None = None,
        http_status: int | None = None,
        status_code: int | None = None,
        status_message: str | None = None,
    ) -> None:
        super().__init__(
            detail,
            route=route,
            http_status=http_status,
            status_code=status_code,
            status_message=status_message,
        )
        self.kind = kind
        self.retry_after = retry_after
