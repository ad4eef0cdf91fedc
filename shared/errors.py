"""Errors that both services raise, each with a stable code and an HTTP status.

The API's middleware turns them into RFC 9457 problems; the daemon logs their code.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import ClassVar


class ProjectionistError(Exception):
    """Anything this project refuses or fails at on purpose.

    Attributes:
        code: stable, lower-case name that a program may rely on.
        status: the HTTP status that goes with it.
        title: a short sentence that is the same for every occurrence.
        detail: what happened this time, where, and what to do.
        public_detail: the part of it that a client may read; the log has the whole.
        extra: further members of the problem document.
        retry_after: seconds after which trying again makes sense, if it ever does.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str,
        *,
        public_detail: str | None = None,
        retry_after: int | None = None,
        extra: dict[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.public_detail = public_detail or detail
        self.retry_after = retry_after
        self.extra = extra or {}


class StorageFullError(ProjectionistError):
    """A disk is full, the service's own or the database's."""

    code = "storage_full"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "There is no room for it at the moment"


class SessionNotFoundError(ProjectionistError):
    """No such session: never, deleted or expired."""

    code = "session_not_found"
    status = HTTPStatus.NOT_FOUND
    title = "There is no such session"


class DatabaseUnavailableError(ProjectionistError):
    """PostgreSQL cannot be reached, or went away in the middle and did not come back in time."""

    code = "database_unavailable"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The database cannot be reached"


class DatabaseBusyError(DatabaseUnavailableError):
    """So much is asked of the database that this would have to wait for too long."""

    code = "database_busy"
    title = "The database is busy"


class QueryTimeoutError(DatabaseUnavailableError):
    """The database took too long over this, and gave it up."""

    code = "query_timeout"
    title = "The database took too long"


class SchemaOutdatedError(ProjectionistError):
    """The database has no schema yet, or not the one this program was written for."""

    code = "schema_outdated"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The database schema is not the one this service needs"
