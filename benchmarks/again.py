"""The same list again: all known, so completed in the upload's own answer, and TMDB is not asked.

What the first upload asked is marked as found in the database; enriching it would show no more.
"""

from __future__ import annotations

import argparse
import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, spread
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, execute, raised, run

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK_ALL_FOUND = (
    """
    insert into catalogue (
      tmdb_id, title, original_title, genres, directors, top_cast, countries, languages,
      vote_count, popularity
    )
    select id, title, title, '{Drama}', '[]', '[]', '{US}', '{en}', 1, 1 from lookups
    """,
    """
    update lookups
    set outcome = 'found', tmdb_id = id, answered_at = clock_timestamp(), due_at = null, turn = null
    """,
    "update session_counts set n = n + 1, enriched = total",
    "vacuum analyze catalogue, lookups, movies, sessions, session_counts",
)


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """One list, once to make it known and then some times more."""
    pick = pick_films(options.films)
    path = room.write_list(pick.films)
    async with room.stack(raised(films=pick.generated), RAISED_SETTINGS, daemons=0) as bench:
        first = await bench.upload(path)
        await execute(bench.stack.dsn, *MARK_ALL_FOUND)
        await bench.stack.add_daemon()
        uploads = [await bench.upload(path) for _ in range(options.times)]
        await _wait_for_a_tick(bench)
        requests = (await bench.tmdb_report())["requests"]
    completed = sum(upload.answer["status"] == "completed" for upload in uploads)
    return [
        Figure(
            f"{options.films} known films, answered `completed`",
            f"{completed} of {len(uploads)} uploads",
            "every one",
            completed == len(uploads),
        ),
        Figure("requests to TMDB, after a tick too", str(requests), "none", requests == 0),
        Figure(
            f"seconds ({first.seconds:.2f} s when all were new)",
            spread([upload.seconds for upload in uploads], "s", 2),
        ),
    ]


async def _wait_for_a_tick(bench: Bench) -> None:
    """Wait until the daemon has looked at the queue without having been woken."""
    uploaded = datetime.now(UTC)
    while True:
        last_run = (await bench.get("/worker/status"))["last_run"]
        if last_run and datetime.fromisoformat(last_run) > uploaded:
            return
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.again", description=__doc__)
    arguments.add_argument("--films", type=int, default=10_000)
    arguments.add_argument("--times", type=int, default=5)
    run(measure, arguments.parse_args())
