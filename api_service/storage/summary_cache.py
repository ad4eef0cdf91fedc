"""Cache of summaries, each valid while its session's version is the same."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from api_service.storage.filtering import SHOWN_FOR
from shared.errors import SessionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from decimal import Decimal
    from typing import Self
    from uuid import UUID

    from api_service.queries.movies import MovieFilter
    from api_service.storage.sessions import SessionRow
    from shared.postgres.database import Database

    Key = tuple[UUID, MovieFilter]
    Aggregate = Callable[[], Awaitable[str]]

MOST_BYTES = 32 * 1024**2
KEPT_SECONDS = 600.0
"""After which a summary is aggregated anew, changed or not: what was refreshed since is read
at each request."""
LONGEST_SAVING = timedelta(minutes=2)
"""From the moment at which a record says that it was fetched to its commit, with time to spare."""
_ENTRY_BYTES = 1024
"""Bytes of a summary beside its text, roughly."""


@dataclass(frozen=True, slots=True)
class SummaryVersion:
    """The state that a summary shows; an equal one would show the same.

    Attributes:
        now: when this was read, by the database's clock, as all times here.
        row: of the session's counts, which takes the next `n` with each outcome, correction and
            addition. A standby that was promoted may give an `n` again: beside it stand the
            transaction that wrote it and what it says.
        since: from when on refreshed records are counted.
        refreshed: how many of the session's were, and the sum of the times.
        next_expiry: when the next record of all is shown no longer.
    """

    now: datetime
    row: tuple[int, ...]
    since: datetime
    refreshed: tuple[int, Decimal]
    next_expiry: datetime | None

    def shows_the_same_as(self, earlier: SummaryVersion) -> bool:
        """Return whether nothing has changed since an earlier one, read with the same `since`."""
        expired = earlier.next_expiry is not None and self.now >= earlier.next_expiry
        return not expired and (self.row, self.refreshed) == (earlier.row, earlier.refreshed)


async def read_summary_version(
    database: Database, session_id: UUID, since: datetime | None
) -> SummaryVersion:
    """Return the version of what a session's summaries show, in which no change is missed.

    A record that is refreshed changes nothing of the sessions that show it: it is found by its
    age, and that of the answers that it belongs to.

    Args:
        database: where the session is.
        session_id: which one.
        since: as an earlier one had it; None for one that later ones can be compared with.

    Raises:
        SessionNotFoundError: it was deleted.
    """
    row = await database.fetchrow(
        """
        select
          clock_timestamp() as now,
          counts.*,
          s.edition,
          began.since,
          refreshed.records,
          refreshed.times,
          (
            select min(fetched_at) + $4::interval
            from catalogue
            where fetched_at > clock_timestamp() - $4::interval
          ) as next_expiry
        from sessions s
        cross join lateral current_counts(s.id) as counts
        cross join lateral (
          select coalesce($2::timestamptz, clock_timestamp() - $3::interval) as since
        ) as began
        cross join lateral (
          select
            count(*) as records,
            coalesce(sum(extract(epoch from c.fetched_at)), 0) as times
          from catalogue c
          -- The limits keep it from reading whole sessions to join them.
          cross join lateral (
            select
            from lookups l
            cross join lateral (
              select from movies where lookup_id = l.id and session_id = s.id limit 1
            ) as listed
            where l.tmdb_id = c.tmdb_id and l.answered_at < c.fetched_at
            limit 1
          ) as shown
          where c.fetched_at > began.since
        ) as refreshed
        where s.id = $1
        """,
        session_id,
        since,
        LONGEST_SAVING,
        SHOWN_FOR,
    )
    if row is None:
        raise SessionNotFoundError("It was deleted meanwhile.")
    names = ("n", "transaction", "edition", "total", "enriched", "not_found", "failed")
    return SummaryVersion(
        now=row["now"],
        row=tuple(row[name] for name in names),
        since=row["since"],
        refreshed=(row["records"], row["times"]),
        next_expiry=row["next_expiry"],
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A summary, with the version of what it shows and when its figures began to be read."""

    text: str
    version: SummaryVersion
    began_at: float

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly."""
        return _ENTRY_BYTES + len(self.text.encode())


@dataclass(slots=True, eq=False)
class _Running:
    """A summary that is being aggregated, or waits for a slot.

    Attributes:
        task: makes it.
        waiting: requests that wait for it.
        began_at: when its figures began to be read (`time.monotonic()` seconds).
    """

    task: asyncio.Task[_Kept]
    waiting: int = 0
    began_at: float | None = None

    def shows(self, moment: float) -> bool:
        """Return whether it shows all that had been changed at a moment."""
        return self.began_at is None or self.began_at >= moment


class SummaryCache:
    """Cache of summaries, each with the version of what it shows.

    Each is aggregated once at a time. A request that comes before its figures are read shares it.
    A later request waits for its end, and then for one more if something has changed. What
    no request waits for any more is cancelled.

    Args:
        slot: within which one of so many movies is added up.
        read_version: of a session, with what was refreshed since a moment.
        most_bytes: of all texts together; what was used least lately goes first.
    """

    def __init__(
        self,
        slot: Callable[[int], AbstractAsyncContextManager[None]],
        read_version: Callable[[UUID, datetime | None], Awaitable[SummaryVersion]],
        *,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._slot = slot
        self._read_version = read_version
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._bytes = 0
        self._running: dict[Key, _Running] = {}
        self._tasks: set[asyncio.Task[_Kept]] = set()
        """All that run, and cancelled ones that have not ended yet."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def get(self, session: SessionRow, chosen: MovieFilter, aggregate: Aggregate) -> str:
        """Return the summary of a session's matching movies, from the cache while it holds.

        Args:
            session: whose movies.
            chosen: which of them.
            aggregate: makes it; raises what then all raise who wait for it.
        """
        key = (session.id, chosen)
        asked_at = time.monotonic()
        while True:
            if running := self._running.get(key):
                await self._wait(key, running)
                if running.shows(asked_at):
                    return running.task.result().text
            elif (kept := self._kept.get(key)) is None:
                self._begin(key, session.total, aggregate)
            elif await self._still_holds(key, kept):
                return kept.text
            elif self._kept.get(key) is kept:
                self._drop(key)

    async def _still_holds(self, key: Key, kept: _Kept) -> bool:
        if time.monotonic() - kept.began_at > KEPT_SECONDS:
            return False
        self._kept.move_to_end(key)  # it was used lately
        version = await self._read_version(key[0], kept.version.since)
        return version.shows_the_same_as(kept.version)

    def _begin(self, key: Key, films: int, aggregate: Aggregate) -> None:
        async def make() -> _Kept:
            async with self._slot(films):
                running.began_at = time.monotonic()
                # Before the figures: what changes meanwhile makes this version an old one.
                version = await self._read_version(key[0], None)
                return _Kept(await aggregate(), version, running.began_at)

        running = self._running[key] = _Running(asyncio.create_task(make()))
        self._tasks.add(running.task)
        running.task.add_done_callback(lambda _: self._end(key, running))

    async def _wait(self, key: Key, running: _Running) -> None:
        """Wait for its end, and cancel it if no other request waits."""
        running.waiting += 1
        try:
            await asyncio.wait({running.task})
        finally:
            running.waiting -= 1
            if not running.waiting and not running.task.done():
                del self._running[key]
                running.task.cancel()

    def _end(self, key: Key, running: _Running) -> None:
        """Keep a result unless it failed; drop the oldest beyond the limit."""
        self._tasks.discard(running.task)
        if self._running.get(key) is running:
            del self._running[key]
        if running.task.cancelled() or running.task.exception() is not None:
            return
        if key in self._kept:
            self._drop(key)
        kept = self._kept[key] = running.task.result()
        self._bytes += kept.size
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        self._bytes -= self._kept.pop(key).size
