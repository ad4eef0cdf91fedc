"""PostgreSQL's failures: which are worth another try, and what a service says of the others."""

from __future__ import annotations

import asyncpg

from shared.errors import (
    DatabaseUnavailableError,
    ProjectionistError,
    QueryTimeoutError,
    SchemaOutdatedError,
    StorageFullError,
)

RETRY_AFTER_SECONDS = 5
_FULL_RETRY_SECONDS = 60

# What asyncpg raises when a connection is gone, cannot be made, or reaches a server that is going
# down, coming up, out of resources or has become a standby. InternalClientError and InterfaceError
# are outside PostgresError; OSError covers refused and reset sockets.
LOST_CONNECTION = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # the database allows no connections
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TargetServerAttributeNotMatched,
)


class CollisionError(Exception):
    """Raised by a transaction that collided with another and is to be retried."""


# A unique violation is what the second try sees when the first, whose answer was lost, is still
# being committed.
COLLISION = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.InvalidCachedStatementError,  # a table was altered while the transaction was under way
    CollisionError,
)

# What the newest revision of the schema would have made, or granted to a service's role.
_SCHEMA_MISSING = (
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedColumnError,
    asyncpg.UndefinedFunctionError,
    asyncpg.InsufficientPrivilegeError,
)


def final_error(error: Exception) -> Exception | None:
    """Return what to raise for a failure that no other try mends; None for one that it may."""
    match error:
        case asyncpg.LockNotAvailableError():
            return error  # somebody holds a row for long, over a connection that is sound
        case asyncpg.QueryCanceledError():  # by its own or an operator's will
            return QueryTimeoutError(
                f"PostgreSQL ended a statement: {error}",
                public_detail="The database took too long over this; try again later.",
                retry_after=RETRY_AFTER_SECONDS,
            )
        case asyncpg.DiskFullError():
            return StorageFullError(
                f"The database's disk is full: {error}",
                public_detail="The database has no room for it: try again later.",
                retry_after=_FULL_RETRY_SECONDS,
            )
    if isinstance(error, _SCHEMA_MISSING):
        return SchemaOutdatedError(
            f"{error}: run `alembic upgrade head`.",
            public_detail="Tables of this service are missing: run `alembic upgrade head`.",
            retry_after=RETRY_AFTER_SECONDS,
        )
    return None if isinstance(error, (*COLLISION, *LOST_CONNECTION)) else error


def unavailable(error: Exception) -> ProjectionistError:
    """Return what to raise once the tries are used up."""
    return DatabaseUnavailableError(
        f"PostgreSQL did not answer: {type(error).__name__}: {error}",
        public_detail="The database does not answer at the moment.",
        retry_after=RETRY_AFTER_SECONDS,
    )
