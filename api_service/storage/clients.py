"""What each client has stored and queued, and all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from shared.errors import ClientLimitError
from shared.models import HELD_TURN

if TYPE_CHECKING:
    from shared.postgres.database import Connection, Database

STORED_RETRY_SECONDS = 3_600
"""Sessions go when they are deleted, or when nobody has read them for long."""
QUEUED_RETRY_SECONDS = 600
"""Two films or more are looked up in a second."""
_LIMIT_LOCKS = 0x4C494D54
"""Seed ("LIMT") of the advisory locks under which the limits of a client are decided."""


@dataclass(frozen=True, slots=True)
class StoredLimits:
    """How much one client may have in the database; 0 is no limit."""

    films_queued: int
    movies_stored: int

    def check(self, usage: Usage, *, more: int = 0) -> None:
        """Refuse what would be too much, or what is as soon as anything comes to it.

        Raises:
            ClientLimitError: it is.
        """
        if self.movies_stored and usage.movies_stored + more > self.movies_stored:
            raise ClientLimitError(
                f"One client may have {self.movies_stored} movies in all of its lists, and this "
                "would be more. Delete a list that is no longer needed, or send a shorter one.",
                retry_after=STORED_RETRY_SECONDS,
                extra={"limit": "movies_stored"},
            )
        if self.films_queued and usage.films_queued + more > self.films_queued:
            raise ClientLimitError(
                f"{self.films_queued} films of one client may wait to be looked up, and this would "
                "be more. Send it when fewer are waiting.",
                retry_after=QUEUED_RETRY_SECONDS,
                extra={"limit": "films_queued"},
            )


@dataclass(frozen=True, slots=True)
class Usage:
    """What a client has in the database.

    Attributes:
        films_queued: turns of its grants that are still to come, one film at each.
        movies_stored: positions of all its sessions; one whose movie was removed counts on.
    """

    films_queued: int
    movies_stored: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What all clients together have in the database."""

    sessions: int
    movies_stored: int
    films_queued: int


class ClientStorage:
    """Reads what clients have; nothing here knows who they are."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def key(self) -> bytes:
        """Return the key of the hashes by which clients are stored."""
        return cast("bytes", await self._database.fetchval("select secret from client_keys"))

    async def usage(self, client: str) -> Usage:
        """Return what a client has; of what is being stored at this moment, nothing."""
        return await _usage(self._database, client)

    async def totals(self) -> Totals:
        """Return what all have, of the queue but for what is held; reads all of both tables."""
        row = await self._database.fetchrow(
            """
            select
              (select count(*) from sessions) as sessions,
              (select coalesce(sum(positions), 0) from sessions)::bigint as movies_stored,
              (select count(*) from lookups where due_at is not null and turn < $1) as films_queued
            """,
            HELD_TURN,
        )
        if row is None:
            raise RuntimeError("counts have one row")
        return Totals(**row)


async def hold_within(connection: Connection, client: str | None, limits: StoredLimits) -> None:
    """Refuse what this transaction has stored if its client has too much with it.

    The last statement before the commit: two uploads of a client decide one after the other, and
    each sees what the other has committed. Where no client is known nothing is limited.

    Raises:
        ClientLimitError: it has too much.
    """
    if client is None:
        return
    await connection.execute(
        "select pg_advisory_xact_lock(hashtextextended($1, $2))", client, _LIMIT_LOCKS
    )
    # A statement of its own, so that it sees what was committed while the lock was waited for.
    limits.check(await _usage(connection, client))


async def _usage(reader: Database | Connection, client: str) -> Usage:
    """Grants that are not settled are left out: their uploads come here, too."""
    row = await reader.fetchrow(
        """
        select
          (
            select coalesce(sum(last_turn - greatest(first_turn - 1, clock.turn)), 0)
            from queue_grants
            where client = $1 and last_turn > clock.turn and session_id is not null
          )::bigint as films_queued,
          (
            select coalesce(sum(positions), 0) from sessions where client = $1
          )::bigint as movies_stored
        from (select max(turn) as turn from virtual_times) as clock
        """,
        client,
    )
    if row is None:
        raise RuntimeError("sums have one row")
    return Usage(row["films_queued"], row["movies_stored"])
