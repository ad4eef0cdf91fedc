"""Wake-ups: from an upload's commit to the first request at TMDB, with an idle daemon.

PostgreSQL says when the upload committed: the moment at which it began to write the commit record.
So the interval still has the flush to disk in it, and the API's answer, which comes later than the
commit, has no part in it. The stand-in notes arrivals by the same machine's clock.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, percentile, spread
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, raised, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

TICK_SECONDS = 10.0
REACH_MEDIAN = 0.010
REACH_DEAF = 10.5
_NOBODY_LISTENS = "postgresql://nobody@127.0.0.1:1/nowhere"
_LONGEST_PAUSE = 0.5


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Uploads of one new film each, at random moments, one after the other."""
    pick = pick_films(options.uploads + options.deaf_uploads)
    heard, deaf = pick.films[: options.uploads], pick.films[options.uploads :]
    async with room.stack(raised(films=pick.generated), RAISED_SETTINGS) as bench:
        awake = [await _wake(room, bench, film, _LONGEST_PAUSE) for film in heard]
    async with room.stack(raised(films=pick.generated), RAISED_SETTINGS, daemons=0) as bench:
        await bench.stack.add_daemon(LISTEN_DATABASE_URL=_NOBODY_LISTENS)
        asleep = [await _wake(room, bench, film, TICK_SECONDS) for film in deaf]
    return [
        Figure(
            f"commit to first request, {len(awake)} uploads of one film",
            f"{spread([1000 * seconds for seconds in awake], 'ms')}, "
            f"p95 {1000 * percentile(awake, 95):.1f} ms",
            f"median <= {1000 * REACH_MEDIAN:.0f} ms",
            percentile(awake, 50) <= REACH_MEDIAN,
        ),
        Figure(
            f"the same with LISTEN switched off, {len(asleep)} uploads",
            spread(asleep, "s"),
            f"all <= {REACH_DEAF} s",
            max(asleep) <= REACH_DEAF,
        ),
    ]


async def _wake(room: Room, bench: Bench, film: Film, longest_pause: float) -> float:
    """Upload one film at a random moment; seconds from its commit to the first request."""
    await asyncio.sleep(random.uniform(0.05, longest_pause))  # noqa: S311  # no secret
    await bench.forget_requests()
    done = await bench.enrich(room.write_list([film]))
    committed_at = await bench.committed_at(done.session_id)
    return float(done.report["first_request_at"]) - committed_at


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.wake_up", description=__doc__)
    arguments.add_argument("--uploads", type=int, default=100)
    arguments.add_argument("--deaf-uploads", type=int, default=10)
    run(measure, arguments.parse_args(), {"track_commit_timestamp": "on"})
