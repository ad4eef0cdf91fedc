"""A list of 500 new films, from upload to completed, as fast as the budget lets it go."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.films import pick_films
from benchmarks.harness import Bench, Room, run
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

REQUESTS_PER_SECOND = 4
OVER_BUDGET = 1.03
START_AND_END_SECONDS = 10


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """One daemon, the stand-in at 50 ms, 40 requests in any 10 s."""
    pick = pick_films(options.films)
    async with room.stack(StandIn(films=pick.generated, latency=0.05)) as bench:
        done = await bench.enrich(room.write_list(pick.films))
        exact = await bench.counts_are_exact(done.session_id)
        right = await _found_right(bench, done.session_id, pick.films)
    requests = done.report["requests"]
    most = OVER_BUDGET * requests / REQUESTS_PER_SECOND + START_AND_END_SECONDS
    found = done.status["enriched_count"]
    return [
        Figure(
            f"{options.films} new films, upload to completed, {requests} requests",
            f"{done.seconds:.1f} s",
            f"<= {most:.1f} s",
            done.seconds <= most,
        ),
        Figure(
            "films found that the stand-in has",
            f"{found} of {options.films}",
            "every one",
            found == options.films,
        ),
        Figure("found as the very film that was meant", f"{right} of {options.films}"),
        Figure("films left out: no title and year tells them apart", str(pick.excluded)),
        Figure("enriched + not found + failed = total", done.outcomes, "exactly", exact),
    ]


async def _found_right(bench: Bench, session_id: str, films: Sequence[Film]) -> int:
    row = await bench.fetchrow(
        """
        select count(*) as right
        from unnest($2::text[], $3::integer[], $4::integer[]) as meant (title, year, tmdb_id)
        join movies on movies.title = meant.title and movies.year is not distinct from meant.year
        join lookups on lookups.id = movies.lookup_id and lookups.tmdb_id = meant.tmdb_id
        where session_id = $1::text::uuid
        """,
        session_id,
        [film.title for film in films],
        [film.year for film in films],
        [film.id for film in films],
    )
    return int(row["right"])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.five_hundred", description=__doc__
    )
    arguments.add_argument("--films", type=int, default=500)
    run(measure, arguments.parse_args())
