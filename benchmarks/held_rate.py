"""The rate that a daemon holds for minutes while an open snapshot stops vacuum.

The budget is near the largest that TMDB's limit would bear (350 requests in 10 s), and a dump's
snapshot is open from before the upload to after the last film.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import asyncpg

from benchmarks.figures import Figure, share_of_budget
from benchmarks.films import pick_films
from benchmarks.harness import Room, run
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT, PERIOD = 350, 10.0
REACH_SHARE = 0.95
REQUESTS_PER_FILM = 2


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """One daemon, one list of new films, one snapshot."""
    films = round(options.minutes * 60 / PERIOD * LIMIT / REQUESTS_PER_FILM)
    pick = pick_films(films)
    stand_in = StandIn(films=pick.generated, latency=0.05, limit=LIMIT, period=PERIOD)
    budget = {"TMDB_RATE_LIMIT": str(LIMIT), "TMDB_RATE_PERIOD": str(PERIOD)}
    async with room.stack(stand_in, budget) as bench:
        holder = await asyncpg.connect(bench.stack.dsn)
        try:
            await holder.execute("begin isolation level repeatable read")
            await holder.fetchval("select count(*) from fleet")
            done = await bench.enrich(room.write_list(pick.films))
            exact = await bench.counts_are_exact(done.session_id)
        finally:
            await holder.close()
    arrivals = done.report["arrivals"]
    half = len(arrivals) // 2
    shares = [share_of_budget(part, LIMIT, PERIOD) for part in (arrivals[:half], arrivals[half:])]
    return [
        Figure(
            f"budget used under a held snapshot, {len(arrivals):,} requests "
            f"in {done.seconds / 60:.1f} minutes",
            f"first half {shares[0]:.1%}, second half {shares[1]:.1%}",
            f">= {REACH_SHARE:.0%} of {LIMIT} per {PERIOD:.0f} s",
            min(shares) >= REACH_SHARE,
        ),
        Figure(
            f"requests in any {PERIOD:.0f} s",
            f"{done.report['largest_window']}, and {done.report['refused_429']} refused",
            f"never over {LIMIT}",
            done.report["largest_window"] <= LIMIT,
        ),
        Figure("enriched + not found + failed = total", done.outcomes, "exactly", exact),
    ]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.held_rate", description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10.0, help="that it takes about")
    run(measure, arguments.parse_args())
