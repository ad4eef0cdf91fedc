"""Status reads of a 100,000-film session: two indexed rows each, and how many a second.

The client shares the processors with everything else, so the rates are lower bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, percentile, spread
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, execute, raised, run

if TYPE_CHECKING:
    from collections.abc import Sequence

CLIENTS = 8
REACH_ROWS = 2.1
"""Rows of `sessions` and `session_counts` a read; the pace of all, read once a second, is the odd
one more."""

_OTHER_SESSIONS = (
    """
    with session as (
      insert into sessions (id)
      select gen_random_uuid() from generate_series(1, 1000)
      returning id
    )
    insert into session_counts (session_id, total)
    select id, 0 from session
    """,
    "analyze sessions, session_counts",
)


@dataclass(frozen=True, slots=True)
class RowsRead:
    """Rows that all statements so far have read: of sessions and their counts, of `movies`."""

    sessions: int
    movies: int


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Reads of one session, first while no daemon works, then while one does."""
    pick = pick_films(options.films)
    async with room.stack(raised(films=pick.generated), RAISED_SETTINGS, daemons=0) as bench:
        await execute(bench.stack.dsn, *_OTHER_SESSIONS)
        session_id = (await bench.upload(room.write_list(pick.films))).session_id
        path = f"/api/session/{session_id}/status"
        before = await _rows_read(bench)
        quiet = await _read_for(bench, path, options.seconds)
        after = await _rows_read(bench)
        await bench.stack.add_daemon()
        while (await bench.get(path))["enriched_count"] == 0:  # noqa: ASYNC110  # a process's
            await asyncio.sleep(0.1)
        busy = await _read_for(bench, path, options.seconds)
        status = await bench.get(path)
    rows = (after.sessions - before.sessions) / len(quiet)
    movies = after.movies - before.movies
    return [
        Figure(
            f"rows read for each of {len(quiet)} status reads, {options.films} films",
            f"{rows:.3f} of sessions and their counts, {movies} of movies in all",
            "2 of sessions and their counts, none of movies",
            rows <= REACH_ROWS and movies == 0,
        ),
        _rate("no daemon works", quiet, options.seconds),
        _rate("it is being enriched", busy, options.seconds),
        Figure("films enriched meanwhile", f"{status['enriched_count']}"),
    ]


def _rate(when: str, latencies: Sequence[float], seconds: float) -> Figure:
    milliseconds = [1000 * latency for latency in latencies]
    return Figure(
        f"status reads, {CLIENTS} clients, while {when}",
        f"{len(latencies) / seconds:.0f} a second, {spread(milliseconds, 'ms')}, "
        f"p95 {percentile(milliseconds, 95):.1f} ms",
    )


async def _read_for(bench: Bench, path: str, seconds: float) -> list[float]:
    """Seconds that each read took, of some clients that read without pause."""
    latencies: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        while (start := time.perf_counter()) < end:
            await bench.get(path)
            latencies.append(time.perf_counter() - start)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return latencies


async def _rows_read(bench: Bench) -> RowsRead:
    """What PostgreSQL has counted, once its idle connections have told what they counted."""
    last = None
    while True:
        row = await bench.fetchrow(
            """
            select
              sum(rows) filter (where relname in ('sessions', 'session_counts')) as sessions,
              max(rows) filter (where relname = 'movies') as movies
            from (
              select relname, seq_tup_read + coalesce(idx_tup_fetch, 0) as rows
              from pg_stat_user_tables
            ) as counted
            """
        )
        now = RowsRead(int(row["sessions"]), row["movies"])
        if now == last:
            return now
        last = now
        # An idle connection tells within 10 s (PGSTAT_IDLE_INTERVAL in PostgreSQL's pgstat.c).
        await asyncio.sleep(11)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.status", description=__doc__)
    arguments.add_argument("--films", type=int, default=100_000)
    arguments.add_argument("--seconds", type=float, default=5.0)
    run(measure, arguments.parse_args())
