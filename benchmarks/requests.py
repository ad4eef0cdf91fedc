"""What a common list costs on the first day: requests a film and its pace, over real processes."""

from __future__ import annotations

import argparse
import asyncio
import random
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.films import STAND_IN_SEED, tellable
from benchmarks.harness import Bench, Room, run
from local_stack.stack import StandIn
from local_stack.tmdb.film import load_films
from local_stack.tmdb.population import KNOWN, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

REACH_REQUESTS = 1.25
REACH_PACE = 175
JUDGED_SHARE = 0.5
SHARES = (0.3, 0.5, 0.7)
LIMIT = 40
TRUE_PERIOD = 10.0
_MINUTE = 60.0
_POLL_SECONDS = 0.5


def common_films(films: Sequence[Film], count: int) -> list[Film]:
    """The films with the most votes that a title and year can tell, in an order of no meaning."""
    known = sorted(tellable(films), key=lambda film: -film.vote_count)[:count]
    random.Random(STAND_IN_SEED).shuffle(known)  # noqa: S311  # no secret
    return known


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Without the export, then with it and three stand-ins; so many times as fast as TMDB."""
    everything = [*load_films(), *simulate(options.known, STAND_IN_SEED).films]
    films = common_films(everything, options.films)
    period = TRUE_PERIOD / options.speed
    stand_in = StandIn(population=options.known, limit=LIMIT, period=period, revealed=JUDGED_SHARE)
    figures = [Figure("films in the catalogue", f"{len(everything)}")]
    if not options.export_only:
        figures += await _first(room, stand_in, films, options.speed, exported=False)
    for share in SHARES if options.shares else (JUDGED_SHARE,):
        shown = replace(stand_in, revealed=share)
        figures += await _first(room, shown, films, options.speed, exported=True)
    return figures


async def _first(
    room: Room, stand_in: StandIn, films: Sequence[Film], speed: float, *, exported: bool
) -> list[Figure]:
    async with room.stack(stand_in, _settings(stand_in), daemons=0) as bench:
        url = bench.stack.tmdb_url if exported else "off"
        await bench.stack.add_daemon(TMDB_EXPORT_BASE_URL=url)
        if exported:
            await _until_loaded(bench)
        await bench.forget_requests()
        requests, right, pace = await _enrich(room, bench, films)
    judged = exported and stand_in.revealed == JUDGED_SHARE
    told = f"{'with' if exported else 'without'} the export, {stand_in.revealed:.0%} revealed"
    return [
        Figure(
            f"requests a film, {len(films)} common films, {told}",
            f"{requests:.3f} ({right} right)",
            f"<= {REACH_REQUESTS}" if judged else "",
            requests <= REACH_REQUESTS if judged else None,
        ),
        Figure(
            f"films a minute at {LIMIT} per {TRUE_PERIOD:.0f} s (run {speed:.0f} times as fast)",
            f"{pace / speed:.0f}",
            f">= {REACH_PACE}" if judged else "",
            pace / speed >= REACH_PACE if judged else None,
        ),
    ]


async def _until_loaded(bench: Bench) -> None:
    while True:
        if (await bench.fetchrow("select day from export_loads"))["day"]:
            return
        await asyncio.sleep(_POLL_SECONDS)


async def _enrich(room: Room, bench: Bench, films: Sequence[Film]) -> tuple[float, int, float]:
    """Requests a film, films that were found right, and films a minute."""
    done = await bench.enrich(room.write_list(films))
    right = await bench.fetchrow(
        """
        select count(*) as films
        from unnest($2::text[], $3::integer[], $4::integer[]) as meant (title, year, tmdb_id)
        join movies on movies.title = meant.title and movies.year is not distinct from meant.year
        join lookups on lookups.id = movies.lookup_id and lookups.tmdb_id = meant.tmdb_id
        where session_id = $1::text::uuid
        """,
        done.session_id,
        [film.title for film in films],
        [film.year for film in films],
        [film.id for film in films],
    )
    pace = len(films) / done.seconds * _MINUTE
    return done.report["requests"] / len(films), right["films"], pace


def _settings(stand_in: StandIn) -> dict[str, str]:
    return {
        "TMDB_RATE_LIMIT": str(stand_in.limit),
        "TMDB_RATE_PERIOD": str(stand_in.period),
        "TMDB_RATE_MARGIN": str(min(0.2, stand_in.period / 20)),
        "ENRICH_INTERVAL": "1",
        "INDEX_VOTES": "5",
    }


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.requests", description=__doc__)
    arguments.add_argument("--films", type=int, default=2_500, help="in the list")
    arguments.add_argument("--known", type=int, default=KNOWN, help="best known of the population")
    arguments.add_argument("--speed", type=float, default=10.0, help="times TMDB's pace")
    arguments.add_argument("--export-only", action="store_true", help="not without the export")
    arguments.add_argument("--shares", action="store_true", help="30 % and 70 % revealed, too")
    run(measure, arguments.parse_args())
