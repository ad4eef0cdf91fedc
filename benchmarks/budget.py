"""The request budget: never over 40 in any 10 s, nearly all of it used, little memory, long run.

The films are new and the stand-in is the real thing's equal: 50 ms an answer, 40 requests in any
10 s. With 1,000 films this takes eight and a half minutes.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, share_of_budget
from benchmarks.films import pick_films
from benchmarks.harness import Room, run
from benchmarks.memory import MEGABYTE, MemoryWatch
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT, PERIOD = 40, 10.0
REACH_SHARE = 0.97
REACH_MEMORY = 80 * MEGABYTE


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """One daemon, one list of new films."""
    pick = pick_films(options.films)
    async with (
        room.stack(StandIn(films=pick.generated, latency=0.05)) as bench,
        MemoryWatch(bench.stack.workers[0].pid) as memory,
    ):
        done = await bench.enrich(room.write_list(pick.films))
        exact = await bench.counts_are_exact(done.session_id)
    largest, refused = done.report["largest_window"], done.report["refused_429"]
    share = share_of_budget(done.report["arrivals"], LIMIT, PERIOD)
    return [
        Figure(
            f"requests in any 10 s, {options.films} films, {done.report['requests']} requests",
            f"{largest}, and {refused} refused",
            f"never over {LIMIT}",
            largest <= LIMIT,
        ),
        Figure(
            "budget used, 41st to last request",
            f"{share:.2%}",
            f">= {REACH_SHARE:.0%} of {LIMIT} per {PERIOD:.0f} s",
            share >= REACH_SHARE,
        ),
        Figure(
            "daemon's memory, largest",
            f"{memory.peak / MEGABYTE:.0f} MB",
            f"<= {REACH_MEMORY / MEGABYTE:.0f} MB",
            memory.peak <= REACH_MEMORY,
        ),
        Figure("enriched + not found + failed = total", done.outcomes, "exactly", exact),
        Figure("upload to completed", f"{done.seconds:.1f} s"),
    ]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.budget", description=__doc__)
    arguments.add_argument("--films", type=int, default=1000, help="at least 50")
    run(measure, arguments.parse_args())
