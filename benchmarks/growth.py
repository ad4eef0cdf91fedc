"""A million queued lookups in ten thousand sessions, and what 100,000 films leave behind.

The run takes slots, claims and completes with the daemon's own storage, with a ready answer in
place of TMDB's: so the tables change as fast as they can, and vacuum has the least time.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from benchmarks.figures import Figure, percentile, spread
from benchmarks.harness import Bench, Room, execute, raised, run
from enrich_service.lookups import Completion, Film
from enrich_service.storage import StorageService
from enrich_service.storage.request_limit import RequestLimit
from local_stack.stack import STAND_IN_KEY
from shared.models import Outcome
from shared.postgres.database import Database
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import asyncpg

BATCH = 20
TIMES = 300
REACH_CLAIM, REACH_STATUS = 5.0, 2.0
MILLISECONDS = 1000
LANES = 4
"""Claims and completions under way at the same time, as of so many daemons."""
FREE = RequestLimit(limit=200, period=0.05, margin=0.02)
"""More than is asked for; each taking appends all the same."""
DEAD_SHARE = 0.1
"""Dead rows may be so many parts of the live ones; where there are few live ones, `FEW`."""
VACUUM_SECONDS = 150.0
"""In which autovacuum, which looks once a minute, must have come to every table."""
FEW = 2_000
WATCHED = (
    "lookups",
    "movies",
    "sessions",
    "session_counts",
    "catalogue",
    "virtual_times",
    "request_slots",
)

FILL = (
    """
    with session as (
      insert into sessions (id)
      select lpad(to_hex(n), 32, '0')::uuid from generate_series(1, {sessions}) as n
      returning id
    )
    insert into session_counts (session_id, total)
    select id, {films} / {sessions} from session
    """,
    """
    insert into lookups (key, title, due_at, turn)
    select 'title:film ' || n || '|1999', 'Film ' || n, clock_timestamp(), 1 + n / {sessions}
    from generate_series(0, {films} - 1) as n
    """,
    """
    insert into movies (
      session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked, tags,
      in_watchlist, lists
    )
    select
      lpad(to_hex(1 + (id - 1) % {sessions}), 32, '0')::uuid, 1 + (id - 1) / {sessions}, id, title,
      1999, true, '{{}}', 0, false, '{{}}', false, '{{}}'
    from lookups
    """,
    "vacuum analyze",
)


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of one table: its rows, as the statistics know them, and its pages."""

    live: int
    dead: int
    pages: int


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Fill, read and claim; then let a long list run through."""
    async with room.stack(raised(), daemons=0) as bench:
        for statement in FILL:
            await execute(
                bench.stack.dsn,
                statement.format(films=options.queued, sessions=options.sessions),
            )
        settings = Settings(_env_file=None, database_url=bench.stack.dsn, tmdb_api_key=STAND_IN_KEY)
        async with Database(settings, application_name="benchmark") as database:
            storage = StorageService(database)
            status = await _status_reads(bench, options.sessions)
            view = await _timed(lambda: storage.queue.view(BATCH))
            claim = await _timed(lambda: storage.queue.claim(uuid4(), uuid4(), BATCH))
            reclaim = await _timed(lambda: storage.reclaim.reclaim_silent(uuid4(), 12.0), times=5)
            most, after, seconds = await _run_through(bench, storage, options.films)
    size = f"{options.queued:,} queued, {options.sessions:,} sessions"
    return [
        _reached(f"claim of {BATCH}, {size}", claim, REACH_CLAIM),
        _reached(f"status read over HTTP, {size}", status, REACH_STATUS),
        Figure("look at the queue", spread(view, "ms", 2)),
        Figure(f"reclaiming {BATCH * TIMES:,} claims, then none", spread(reclaim, "ms", 0)),
        *(_bounded(name, most[name], after[name], options.films, seconds) for name in WATCHED),
    ]


async def _status_reads(bench: Bench, sessions: int) -> list[float]:
    async def read(number: int) -> None:
        await bench.get(f"/api/session/{UUID(int=number)}/status")

    numbers = iter(range(1, sessions + 1))
    return await _timed(lambda: read(next(numbers)))


async def _timed(work: Callable[[], Awaitable[object]], times: int = TIMES) -> list[float]:
    """How long it takes each time, in milliseconds."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        await work()
        took.append((time.perf_counter() - start) * MILLISECONDS)
    return took


async def _run_through(
    bench: Bench, storage: StorageService, films: int
) -> tuple[dict[str, int], dict[str, Sizes], float]:
    """Complete so many films, and let autovacuum come to it.

    Returns:
        The most dead rows meanwhile, the tables afterwards, and the seconds that the run took.
    """
    most = dict.fromkeys(WATCHED, 0)
    start = time.perf_counter()
    work = [asyncio.create_task(_lane(storage, films // LANES)) for _ in range(LANES)]
    while not all(task.done() for task in work):
        for name, size in (await _sizes(bench)).items():
            most[name] = max(most[name], size.dead)
        await asyncio.sleep(1)
    await asyncio.gather(*work)
    seconds = time.perf_counter() - start
    deadline = time.perf_counter() + VACUUM_SECONDS
    while time.perf_counter() < deadline:
        if not any(map(_too_many, (await _sizes(bench)).values())):
            break
        await asyncio.sleep(1)
    return most, await _sizes(bench), seconds


async def _lane(storage: StorageService, films: int) -> None:
    worker = uuid4()
    for _ in range(films // BATCH):
        await storage.window.take(FREE, BATCH)
        claims = await storage.queue.claim(worker, uuid4(), BATCH)
        await storage.completions.save(
            [
                Completion(claim, Outcome.FOUND, "exact title", film_of(claim.lookup_id), None, 100)
                for claim in claims
            ]
        )


def film_of(tmdb_id: int) -> Film:
    """A record as large as TMDB's are."""
    people: tuple[dict[str, object], ...] = tuple(
        {"id": n, "name": f"Somebody {n}", "profile_path": None} for n in range(20)
    )
    return Film(
        tmdb_id=tmdb_id,
        imdb_id=None,
        title=f"Film {tmdb_id}",
        original_title=f"Film {tmdb_id}",
        release_date=None,
        genres=("Drama", "Comedy"),
        directors=people[:1],
        top_cast=people,
        runtime_minutes=100,
        countries=("US",),
        languages=("en",),
        overview="Nobody believes it until winter comes." * 5,
        poster_path="/poster.jpg",
        vote_average=None,
        vote_count=100,
        popularity=1.0,
    )


async def _sizes(bench: Bench) -> dict[str, Sizes]:
    def sizes(row: asyncpg.Record) -> Sizes:
        return Sizes(row["n_live_tup"], row["n_dead_tup"], row["pages"])

    rows = await bench.fetch(
        """
        select relname, n_live_tup, n_dead_tup, pg_relation_size(relid) / 8192 as pages
        from pg_stat_user_tables
        where relname = any($1)
        """,
        WATCHED,
    )
    return {row["relname"]: sizes(row) for row in rows}


def _reached(what: str, took: Sequence[float], reach: float) -> Figure:
    middle = percentile(took, 50)
    return Figure(
        what,
        f"{spread(took, 'ms', 2)}, 95 % within {percentile(took, 95):.2f} ms",
        f"median < {reach:g} ms",
        middle < reach,
    )


def _too_many(size: Sizes) -> bool:
    return size.dead > _bound(size)


def _bound(size: Sizes) -> int:
    return max(int(size.live * DEAD_SHARE), FEW)


def _bounded(name: str, most: int, after: Sizes, films: int, seconds: float) -> Figure:
    return Figure(
        f"dead rows of {name} after {films:,} films in {seconds:.0f} s",
        f"{after.dead:,} ({most:,} at most) beside {after.live:,}; {after.pages:,} pages",
        f"<= {_bound(after):,}",
        not _too_many(after),
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    arguments.add_argument("--queued", type=int, default=1_000_000, help="lookups")
    arguments.add_argument("--sessions", type=int, default=10_000, help="that list them")
    arguments.add_argument("--films", type=int, default=100_000, help="that run through")
    run(measure, arguments.parse_args())
