"""What a common list costs: requests a film, cold and with the title index filled, and its pace."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.films import STAND_IN_SEED, tellable
from benchmarks.harness import Bench, Room, run
from local_stack.stack import StandIn
from local_stack.tmdb.film import load_films
from local_stack.tmdb.generator import generate_films

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

REACH_COLD = 1.5
REACH_WARMED = 1.05
REACH_PACE = 220
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
    """Cold with three stand-ins, then with the index filled; so many times as fast as TMDB."""
    everything = [*load_films(), *generate_films(options.generated, STAND_IN_SEED)]
    films = common_films(everything, options.films)
    period = TRUE_PERIOD / options.speed
    stand_in = StandIn(options.generated, limit=LIMIT, period=period, revealed=0.0)
    return [
        Figure("films in the catalogue", f"{len(everything)}"),
        *[await _cold(room, replace(stand_in, revealed=share), films) for share in SHARES],
        *await _warmed(room, stand_in, films, options.speed),
    ]


async def _cold(room: Room, stand_in: StandIn, films: Sequence[Film]) -> Figure:
    async with room.stack(stand_in, _settings(stand_in)) as bench:
        requests, right, _ = await _enrich(room, bench, films)
    judged = stand_in.revealed == JUDGED_SHARE
    return Figure(
        f"requests a film, {len(films)} common films cold, {stand_in.revealed:.0%} revealed",
        f"{requests:.3f} ({right} right)",
        f"<= {REACH_COLD}" if judged else "",
        requests <= REACH_COLD if judged else None,
    )


async def _warmed(
    room: Room, stand_in: StandIn, films: Sequence[Film], speed: float
) -> list[Figure]:
    async with room.stack(stand_in, _settings(stand_in)) as bench:
        start = time.monotonic()
        await _until_filled(bench)
        seconds = time.monotonic() - start
        report = await bench.tmdb_report()
        await bench.forget_requests()
        requests, right, pace = await _enrich(room, bench, films)
    return [
        Figure(
            "filling the index, nobody waiting",
            f"{report['requests']} requests, {seconds * speed:.0f} s at TMDB's own pace",
        ),
        Figure(
            f"requests a film, {len(films)} common films, index filled",
            f"{requests:.3f} ({right} right)",
            f"<= {REACH_WARMED}",
            requests <= REACH_WARMED,
        ),
        Figure(
            f"films a minute at {LIMIT} per {TRUE_PERIOD:.0f} s, index filled (run {speed:.0f} "
            "times as fast)",
            f"{pace / speed:.0f}",
            f">= {REACH_PACE}",
            pace / speed >= REACH_PACE,
        ),
    ]


async def _until_filled(bench: Bench) -> None:
    while True:
        row = await bench.fetchrow(
            """
            select
              exists (select from lookups where key like 'survey:%') as queued,
              exists (select from surveys where finished_at is not null) as begun
            """
        )
        if row["begun"] and not row["queued"]:
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
    arguments.add_argument("--generated", type=int, default=12_000, help="films of the stand-in")
    arguments.add_argument("--speed", type=float, default=10.0, help="times TMDB's pace")
    run(measure, arguments.parse_args())
