"""How long work stands still after a fault, and how many wake-ups of 600 are lost.

At TMDB's own limit: after losing the database every daemon keeps quiet for one period of it.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import time
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, percentile, spread
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, raised, run
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from local_stack.tmdb.film import Film

IN_FLIGHT = 10
"""Of each of two daemons, which share TMDB's twenty connections."""
LATENCY = 3.0
"""Seconds an answer takes, so that a daemon has its hands full when it is killed."""
REACH_AFTER_KILL, REACH_AFTER_DATABASE = 20.0, 25.0
OUTAGE_SECONDS = 40.0
PAIRS = 300
LONGEST_GAP = 0.006
PROMPT_SECONDS = 5.0
"""A list of one film that takes longer has waited for something other than its wake-up."""
NO_TICK = {"ENRICH_INTERVAL": "3600"}
_POLL_SECONDS = 0.02


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """One fault after the other, each with services of its own."""
    pick = pick_films(2 * options.pairs + 200)
    some, pairs = pick.films[:200], pick.films[200:]
    killed = await _after_a_kill(room, pick.generated, some)
    ended = await _standing_still(room, pick.generated, some, _end_connections)
    away = await _standing_still(room, pick.generated, some, lambda _: _outage(room))
    waits = await _wake_ups(room, pick.generated, pairs)
    late = sum(wait > PROMPT_SECONDS for wait in waits)
    return [
        Figure(
            f"SIGKILL with {killed[0]} films in flight: all released after",
            f"{killed[1]:.1f} s",
            f"<= {REACH_AFTER_KILL:.0f} s",
            killed[1] <= REACH_AFTER_KILL,
        ),
        _still("every connection ended by the server: next film saved after", ended),
        _still(f"PostgreSQL away for {OUTAGE_SECONDS:.0f} s, and back: next film after", away),
        Figure(
            f"wake-ups lost, {len(waits)} lists of one film, two at a time 0 to 6 ms apart",
            f"{late}; completed after {spread(waits, 's', 2)}, p95 {percentile(waits, 95):.2f} s",
            "none",
            late == 0,
        ),
    ]


def _still(what: str, seconds: float) -> Figure:
    reach = f"<= {REACH_AFTER_DATABASE:.0f} s"
    return Figure(what, f"{seconds:.1f} s", reach, seconds <= REACH_AFTER_DATABASE)


async def _after_a_kill(room: Room, generated: int, films: Sequence[Film]) -> tuple[int, float]:
    """How many films a killed daemon had in flight; seconds until others had them all."""
    stand_in = StandIn(films=generated, latency=LATENCY)
    async with room.stack(stand_in, daemons=2) as bench:
        await bench.upload(room.write_list(films))
        killed = bench.stack.workers[0]
        row = await bench.fetchrow("select id from workers where host like $1", f"%:{killed.pid}")

        async def claims() -> int:
            counted = await bench.fetchrow(
                "select count(*) as claims from lookups where claimed_by = $1", row["id"]
            )
            return int(counted["claims"])

        await _until(lambda: _at_least(claims, IN_FLIGHT))
        start = time.monotonic()
        await killed.kill()
        orphans = await claims()
        await _until(lambda: _at_most(claims, 0))
        return orphans, time.monotonic() - start


async def _standing_still(
    room: Room,
    generated: int,
    films: Sequence[Film],
    fault: Callable[[Bench], Awaitable[None]],
) -> float:
    """Seconds from the end of a fault until a film was saved."""
    async with room.stack(StandIn(films=generated, latency=0.05), daemons=2) as bench:
        await bench.upload(room.write_list(films))

        async def saved() -> int:
            row = await bench.fetchrow(
                "select count(*) as saved from lookups where outcome is not null"
            )
            return int(row["saved"])

        await _until(lambda: _at_least(saved, 2 * IN_FLIGHT))
        await fault(bench)
        start, before = time.monotonic(), await saved()
        await _until(lambda: _at_least(saved, before + 1))
        return time.monotonic() - start


async def _end_connections(bench: Bench) -> None:
    await bench.fetch(
        """
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where datname = current_database() and application_name like 'projectionist-%'
        """
    )


async def _outage(room: Room) -> None:
    await room.server.stop(signal.SIGINT)
    await asyncio.sleep(OUTAGE_SECONDS)
    await room.server.start()


async def _wake_ups(room: Room, generated: int, films: Sequence[Film]) -> list[float]:
    """Seconds that each list of one film took, of pairs that were uploaded nearly at once."""
    waits: list[float] = []
    async with room.stack(raised(films=generated), RAISED_SETTINGS | NO_TICK) as bench:

        async def one(film: Film, pause: float) -> None:
            await asyncio.sleep(pause)
            start = time.monotonic()
            upload = await bench.upload(room.write_list([film]))
            try:
                async with asyncio.timeout(2 * PROMPT_SECONDS):
                    await bench.wait_until_completed(upload.session_id)
            except TimeoutError:
                pass  # lost for good: there is no tick
            waits.append(time.monotonic() - start)

        for number in range(0, len(films) - 1, 2):
            gap = LONGEST_GAP * number / len(films)
            await asyncio.gather(one(films[number], 0), one(films[number + 1], gap))
    return waits


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    while not await condition():  # noqa: ASYNC110  # another process's doing sets no Event
        await asyncio.sleep(_POLL_SECONDS)


async def _at_least(counted: Callable[[], Awaitable[int]], count: int) -> bool:
    return await counted() >= count


async def _at_most(counted: Callable[[], Awaitable[int]], count: int) -> bool:
    return await counted() <= count


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.reliability", description=__doc__
    )
    arguments.add_argument("--pairs", type=int, default=PAIRS, help="of lists nearly at once")
    run(measure, arguments.parse_args())
