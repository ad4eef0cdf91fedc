"""Transactions that state what they rely on, whatever a server, a database or a role has set.

An isolation level, a `lock_timeout` or a `search_path` that somebody sets for a role or a database
is meant for others: here it would let counts drift, or uploads fail. A direct connection states all
of it once, when it is made. A transaction-pooling PgBouncer passes that on to nobody, so behind one
each transaction states it in the very message that begins it, which costs no round trip.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.postgres.database import Connection

ISOLATION: Final = "read committed"
STATEMENT_SECONDS: Final = 55.0
"""After which PostgreSQL itself ends a statement: before its client gives up waiting, so that an
answer which does not come means a silent connection."""
STATED: Final = {
    "search_path": "public",
    "lock_timeout": "0",
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    # A process that freezes or loses its power between two statements must not go on holding the
    # locks that all others wait for.
    "idle_in_transaction_session_timeout": "10s",
    # Parameters hold session ids, and the server's log is read by others than the lists' owners.
    "log_parameter_max_length_on_error": "0",
    # Statements as short as ours are never worth compiling.
    "jit": "off",
}
LEAVING_SECONDS: Final = 2.0
"""How long a connection that is given up is waited for; over a silent one nothing ever comes."""

_BEGIN: Final = f"begin isolation level {ISOLATION}"
_STATE_ALL: Final = "".join(f"; set local {name} to '{value}'" for name, value in STATED.items())


@asynccontextmanager
async def transaction(
    connection: Connection, *, pooled: bool, statement_seconds: float | None = None
) -> AsyncIterator[None]:
    """Commit what is done within, or roll it back.

    Args:
        connection: not in a transaction.
        pooled: whether a pooler is before the server, so that nothing was stated to it yet.
        statement_seconds: after which PostgreSQL ends a statement, if not `STATEMENT_SECONDS`.
    """
    begin = _BEGIN + _STATE_ALL if pooled else _BEGIN
    if statement_seconds is not None:
        begin += f"; set local statement_timeout to {statement_seconds * 1000:.0f}"
    try:
        await connection.execute(begin)
        yield
        await connection.execute("commit")
    except BaseException:
        await _roll_back(connection)
        raise


async def _roll_back(connection: Connection) -> None:
    """Leave no transaction behind; a connection on which that fails is ended."""
    if connection.is_closed():
        return
    try:
        async with asyncio.timeout(LEAVING_SECONDS):
            await connection.execute("rollback")
    except Exception:  # noqa: BLE001  # what failed before is what is to be told
        connection.terminate()
    except BaseException:
        connection.terminate()
        raise
