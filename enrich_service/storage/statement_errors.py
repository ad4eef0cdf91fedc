"""The errors of a statement, which end no loop of the daemon: it logs them and tries again."""

from __future__ import annotations

import asyncpg

from shared.errors import ProjectionistError

STATEMENT_FAILED = (ProjectionistError, asyncpg.PostgresError)
"""The database is away, or it refused this one statement: a lock that was not to be had, a value
that no column holds. Any other exception is a defect, which a restart may mend."""


def described(error: ProjectionistError | asyncpg.PostgresError) -> dict[str, str]:
    """Return the fields of a log line: a stable code (PostgreSQL's own has five signs), a text."""
    if isinstance(error, ProjectionistError):
        return {"code": error.code, "error": error.detail}
    return {"code": str(error.sqlstate), "error": f"{type(error).__name__}: {error}"}
