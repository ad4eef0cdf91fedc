"""What the hot statements read while an open snapshot keeps vacuum from removing dead rows.

A dump, a replica with `hot_standby_feedback` or an analyst holds a snapshot for hours. Each
statement is measured on a clean database and again after so many completions beneath such a
snapshot: the buffers of its plan, and its time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg

from api_service.storage.sessions import SessionStorage
from benchmarks.figures import Figure
from benchmarks.growth import FILL, film_of
from benchmarks.harness import Room, execute, run
from enrich_service.lookups import Completion
from enrich_service.storage import StorageService
from enrich_service.storage.request_limit import RequestLimit
from local_stack.stack import STAND_IN_KEY
from shared.models import Outcome
from shared.postgres.database import Database
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from enrich_service.lookups import Claim
    from shared.postgres.transactions import Connection

SESSIONS = 10
TIMES = 60
LANES = 4
"""Films under way at the same time."""
MOST_BUFFERS = 12
"""By which a statement may read more than on a clean database."""
MOST_TIMES = 2.0
MILLISECONDS = 1000
FREE = RequestLimit(limit=200, period=0.05, margin=0.02)
"""More than is asked for."""


class CountingConnection:
    """A connection that plans, runs and takes back each statement before it runs for good."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.buffers = 0

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """Count, then run."""
        await self._count(query, args)
        return await self._connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """Count, then run."""
        await self._count(query, args)
        return await self._connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: object) -> object:
        """Count, then run."""
        await self._count(query, args)
        return await self._connection.fetchval(query, *args)

    async def execute(self, query: str, *args: object) -> str:
        """Count what has a plan, then run."""
        if args:
            await self._count(query, args)
        return await self._connection.execute(query, *args)

    async def executemany(self, query: str, args: Sequence[Sequence[object]]) -> None:
        """Count each, then run."""
        for one in args:
            await self._count(query, tuple(one))
        await self._connection.executemany(query, args)

    async def _count(self, query: str, args: tuple[object, ...]) -> None:
        inside = self._connection.is_in_transaction()
        await self._connection.execute("savepoint counting" if inside else "begin")
        text = await self._connection.fetchval(
            f"explain (analyze, buffers, timing off, format json) {query}", *args
        )
        await self._connection.execute("rollback to counting" if inside else "rollback")
        plan = json.loads(text)[0]["Plan"]
        self.buffers += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


class CountingDatabase(Database):
    """Counts buffers while `counting` is set."""

    counting = False
    buffers = 0

    async def _with_connection(self, work: Callable[[Connection], Awaitable[Any]]) -> Any:  # noqa: ANN401  # whatever the work returns
        async def counted(connection: Connection) -> object:
            counter = CountingConnection(connection)
            try:
                return await work(counter)  # type: ignore[arg-type]  # as much of a connection as the storage uses
            finally:
                self.buffers += counter.buffers

        return await super()._with_connection(counted if self.counting else work)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one statement: the median of its buffers, and of its milliseconds."""

    buffers: float
    milliseconds: float


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Measure, complete films beneath an open snapshot, and measure again."""
    dsn = await room.fresh_database()
    fill = [text.format(films=options.films * 2, sessions=SESSIONS) for text in FILL]
    await execute(dsn, *fill)
    settings = Settings(_env_file=None, database_url=dsn, tmdb_api_key=STAND_IN_KEY)
    async with CountingDatabase(settings, application_name="benchmark") as database:
        await _complete(database, TIMES)  # plans are made, the window is filled
        clean = await _costs(database)
        holder = await asyncpg.connect(dsn)
        try:
            await holder.execute("begin isolation level repeatable read")
            await holder.fetchval("select count(*) from fleet")
            start = time.perf_counter()
            await _complete(database, options.films)
            seconds = time.perf_counter() - start
            held = await _costs(database)
        finally:
            await holder.close()
    under = f"after {options.films:,} completions in {seconds:.0f} s under a held snapshot"
    return [_figure(name, clean[name], held[name], under) for name in clean]


async def _complete(database: Database, films: int) -> None:
    """Complete films one by one, each with a slot of its own."""
    storage = StorageService(database)

    async def lane() -> None:
        worker = uuid4()
        for _ in range(films // LANES):
            await _complete_one(storage, worker)

    await asyncio.gather(*(lane() for _ in range(LANES)))


async def _complete_one(storage: StorageService, worker: UUID) -> None:
    await storage.queue.view(1)
    await storage.window.take(FREE, 1)
    (claim,) = await storage.queue.claim(worker, uuid4(), 1)
    film = film_of(claim.lookup_id)
    await storage.completions.save(
        [Completion(claim, Outcome.FOUND, "exact title", film, None, 100)]
    )


def _completion(claim: Claim) -> Completion:
    return Completion(claim, Outcome.FOUND, "exact title", film_of(claim.lookup_id), None, 100)


async def _costs(database: CountingDatabase) -> dict[str, Cost]:
    storage, sessions = StorageService(database), SessionStorage(database)
    worker = uuid4()
    claims = await storage.queue.claim(worker, uuid4(), 2 * TIMES)
    pending = map(_completion, claims)

    async def look() -> None:
        await storage.queue.view(20)

    return {
        "view": await _cost(database, look),
        # A daemon looks before it claims.
        "claim": await _cost(database, lambda: storage.queue.claim(worker, uuid4(), 1), look),
        "virtual clock": await _cost(
            database, lambda: database.fetchval("select max(turn) from virtual_times")
        ),
        "window": await _cost(database, lambda: storage.window.take(FREE, 1)),
        "completion": await _cost(database, lambda: storage.completions.save([next(pending)])),
        "status read": await _cost(database, lambda: sessions.get(UUID(int=1))),
    }


async def _nothing() -> None:
    pass


async def _cost(
    database: CountingDatabase,
    work: Callable[[], Awaitable[object]],
    before: Callable[[], Awaitable[None]] = _nothing,
) -> Cost:
    buffers, took = [], []
    for _ in range(TIMES):
        await before()
        start = time.perf_counter()
        await work()
        took.append((time.perf_counter() - start) * MILLISECONDS)
    for _ in range(TIMES // 2):
        await before()
        database.counting, database.buffers = True, 0
        try:
            await work()
        finally:
            database.counting = False
        buffers.append(database.buffers)
    return Cost(median(buffers), median(took))


def _figure(name: str, clean: Cost, held: Cost, under: str) -> Figure:
    more = held.buffers - clean.buffers
    times = held.milliseconds / clean.milliseconds
    return Figure(
        f"{name} {under}",
        f"{clean.buffers:.0f} → {held.buffers:.0f} buffers, "
        f"{clean.milliseconds:.2f} → {held.milliseconds:.2f} ms ({times:.1f} times)",
        f"<= {MOST_BUFFERS} more, <= {MOST_TIMES:g} times",
        more <= MOST_BUFFERS and times <= MOST_TIMES,
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.held_snapshot", description=__doc__
    )
    arguments.add_argument("--films", type=int, default=20_000, help="completed meanwhile")
    run(measure, arguments.parse_args())
