"""Four daemons and a list that comes to a quiet fleet: until its first film ends, and its 20th.

The stand-in is the real thing's equal: 50 ms an answer, 40 requests in any 10 s, two a film. So the
first burst of requests may answer twenty films, or begin forty and answer none.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, spread
from benchmarks.films import pick_films
from benchmarks.harness import Bench, Room, run
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence

DAEMONS = 4
FILMS = 60
SEVERAL = 20
QUIET_SECONDS = 21.0
"""After which the window gives a burst again."""
REACH_FIRST, REACH_SEVERAL = 2.0, 5.0


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Several lists, one after the other, each of films that nobody has asked for."""
    pick = pick_films(FILMS * options.times)
    firsts, severals = [], []
    stand_in = StandIn(films=pick.generated, latency=0.05)
    async with room.stack(stand_in, daemons=options.daemons) as bench:
        for number in range(options.times):
            await bench.forget_requests()
            films = pick.films[FILMS * number : FILMS * (number + 1)]
            done = await bench.enrich(room.write_list(films))
            ended = await _ended(bench, done.session_id)
            begun = float(done.report["first_request_at"])
            firsts.append(ended[0] - begun)
            severals.append(ended[SEVERAL - 1] - begun)
            await asyncio.sleep(QUIET_SECONDS)
    who = f"{options.daemons} daemons, a quiet window: from the first request"
    return [
        Figure(
            f"{who} until a film has ended",
            spread(firsts, "s", 2),
            f"<= {REACH_FIRST:g} s",
            max(firsts) <= REACH_FIRST,
        ),
        Figure(
            f"{who} until {SEVERAL} have",
            spread(severals, "s", 2),
            f"<= {REACH_SEVERAL:g} s",
            max(severals) <= REACH_SEVERAL,
        ),
    ]


async def _ended(bench: Bench, session_id: str) -> list[float]:
    """When each film of a session had ended, in this order, seconds since the epoch."""
    rows = await bench.fetch(
        """
        select extract(epoch from answered_at)::float8 as at
        from movies
        join lookups on lookups.id = lookup_id
        where session_id = $1::text::uuid
        order by answered_at
        """,
        session_id,
    )
    return [row["at"] for row in rows]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.cold_start", description=__doc__)
    arguments.add_argument("--daemons", type=int, default=DAEMONS)
    arguments.add_argument("--times", type=int, default=3)
    run(measure, arguments.parse_args())
