"""Grants of turns, which bound a client to `SHARES` of the budget however many sessions it has.

A grant is a range of turns with at most one film at each. A client's grant begins where no more
than `SHARES` of its grants meet: so no turn is given to more of its films, whatever its sessions
are. Where no client is known there is no grant, and turns begin after the clock's time.
"""

from __future__ import annotations

import contextlib
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import asyncpg

from shared.errors import ProjectionistError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from shared.postgres.database import Connection, Database

SHARES = 4
"""Films of one client that may stand at the same turn."""
_CLIENT_LOCKS = 0x434C4E54
"""Seed ("CLNT") of the advisory locks of clients."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A range of turns.

    Attributes:
        id: of its row.
        base: the turn before its first one.
        last_turn: its last one, until it is cut.
    """

    id: int
    base: int
    last_turn: int


async def client_of(database: Database, session_id: UUID) -> str | None:
    """Return the client of a session; None where nobody knows it, or there is no such session."""
    client = await database.fetchval("select client from sessions where id = $1", session_id)
    return cast("str | None", client)


async def next_base(reader: Database | Connection, client: str | None) -> int:
    """Return the turn after which a client's next grant begins; V where no client is known.

    Args:
        reader: to decide by it, a connection that holds the client's lock.
        client: whose grants.
    """
    base = await reader.fetchval(
        """
        select greatest(
          (select max(turn) from virtual_times),
          (
            select last_turn
            from queue_grants
            where client = $1 and last_turn > (select max(turn) from virtual_times)
            order by last_turn desc
            offset $2
            limit 1
          )
        )
        """,
        client,
        SHARES - 1,
    )
    return cast("int", base)


async def grant_turns(database: Database, client: str | None, films: int) -> Grant | None:
    """Grant a client turns for at most so many films, in a short transaction of its own.

    `settle_grant` cuts it to what was used. If that is never called, the client misses those turns
    until the clock has passed them.

    Args:
        database: where the queue is.
        client: whose films; without one there is no grant.
        films: how many may be queued.
    """
    if client is None or films == 0:
        return None

    async def work(connection: Connection) -> Grant:
        # Grants made side by side see each other's.
        await connection.execute(
            "select pg_advisory_xact_lock(hashtextextended($1, $2))", client, _CLIENT_LOCKS
        )
        base = await next_base(connection, client)
        grant_id = await connection.fetchval(
            """
            insert into queue_grants (client, first_turn, last_turn)
            values ($1, $2::bigint + 1, $2 + $3)
            returning id
            """,
            client,
            base,
            films,
        )
        return Grant(grant_id, base, base + films)

    return await database.transact(work)


async def settle_grant(
    connection: Connection, grant: Grant | None, session_id: UUID, last_turn: int | None
) -> None:
    """Cut a grant to the last turn that was given, or delete it where none was.

    It belongs to the session from here on. Once it does it is not deleted: who finds nothing to do
    may have done it in a try whose COMMIT was not answered.
    """
    if grant is None:
        return
    if last_turn is None:
        await connection.execute(
            "delete from queue_grants where id = $1 and session_id is null", grant.id
        )
        return
    await connection.execute(
        """
        update queue_grants
        set session_id = held.id, last_turn = $3
        from (select id from sessions where id = $2 for key share) as held
        where queue_grants.id = $1
        """,
        grant.id,
        session_id,
        last_turn,
    )


async def free_turns(
    connection: Connection, grants: Sequence[int], unqueued: Sequence[int]
) -> None:
    """Delete the grants of a session if films at all of their turns to come have left the queue.

    Otherwise a film may stand there that another session lists, and they stay until the clock has
    passed them.

    Args:
        connection: in the transaction that deletes the films.
        grants: ids of all that the session has.
        unqueued: turns of its films that were deleted.
    """
    await connection.execute(
        """
        with clock as (select max(turn) as turn from virtual_times)
        delete from queue_grants
        where id = any($1::bigint[])
          and (
            select coalesce(sum(last_turn - greatest(first_turn - 1, clock.turn)), 0)
            from queue_grants, clock
            where id = any($1::bigint[]) and last_turn > clock.turn
          ) <= (
            select count(*)
            from unnest($2::bigint[]) as unqueued (turn), clock
            where unqueued.turn > clock.turn
          )
        """,
        grants,
        unqueued,
    )


@asynccontextmanager
async def granted_turns(
    database: Database, client: str | None, films: int
) -> AsyncIterator[Grant | None]:
    """Grant turns to what is stored within, which settles them; delete the grant if it fails."""
    grant = await grant_turns(database, client, films)
    try:
        yield grant
    except BaseException:
        if grant is not None:
            with contextlib.suppress(ProjectionistError, asyncpg.PostgresError):
                # One that has a session was stored after all.
                await database.fetchval(
                    "delete from queue_grants where id = $1 and session_id is null", grant.id
                )
        raise
