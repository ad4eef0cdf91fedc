"""Large uploads: their seconds, the API's memory, its liveness, and who waits for them.

Each round has a fresh database and a fresh API, so that every film is new and the memory grows from
that of a service which has read nothing yet.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, longest_gap, spread
from benchmarks.films import pick_films
from benchmarks.harness import MEGABYTE, Bench, MemoryWatch, Room, Upload, raised, run
from benchmarks.prober import Prober
from benchmarks.server_log import LINE_PREFIX, seconds_by_statement
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from local_stack.tmdb.film import Film

REACH_SECONDS = {10_000: 0.6, 100_000: 5.0}
REACH_GROWTH = 150 * MEGABYTE
REACH_LIVEZ = 0.050
_SMALL_EVERY_SECONDS = 0.3
_LIMIT, _PERIOD = 200, 10.0
_LIST_IN_PROGRESS = 400
_LATER_SECONDS = 2.0
_WORTH_TELLING_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Round:
    """One upload: seconds, bytes that the API grew by, seconds of the slowest `/livez`."""

    seconds: float
    growth: int
    livez: float
    where: dict[str, float]


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Rounds of each size, then the largest beside others' work."""
    largest = max(options.rows)
    pick = pick_films(largest + _LIST_IN_PROGRESS)
    figures: list[Figure] = []
    for rows in options.rows:
        path = room.write_list(pick.films[:rows])
        rounds = [await _round(room, path) for _ in range(options.rounds)]
        figures += _of_rounds(rows, rounds)
    return figures + await _waits(room, pick.films, largest, pick.generated)


async def _round(room: Room, path: Path) -> Round:
    async with room.stack(raised(), daemons=0) as bench:
        logged = room.server.log_file.stat().st_size
        async with (
            Prober(bench.stack.api_url) as prober,
            MemoryWatch(bench.stack.api.pid) as memory,
        ):
            upload = await bench.upload(path)
        log = room.server.log_file.read_bytes()[logged:].decode(errors="replace")
    where = seconds_by_statement(log, "projectionist-api")
    where["all else (taking in, reading, answering)"] = upload.seconds - sum(where.values())
    return Round(upload.seconds, memory.growth, prober.slowest, where)


def _of_rounds(rows: int, rounds: Sequence[Round]) -> list[Figure]:
    seconds = [each.seconds for each in rounds]
    growth = max(each.growth for each in rounds)
    slowest = max(each.livez for each in rounds)
    reach = REACH_SECONDS.get(rows)
    middle = sorted(rounds, key=lambda each: each.seconds)[len(rounds) // 2]
    where = ", ".join(
        f"{kind} {taken:.2f}"
        for kind, taken in sorted(middle.where.items(), key=lambda item: -item[1])
        if taken >= _WORTH_TELLING_SECONDS
    )
    return [
        Figure(
            f"upload of {rows} rows",
            spread(seconds, "s", 2),
            f"<= {reach} s" if reach else "",
            statistics.median(seconds) <= reach if reach else None,
        ),
        Figure(
            "  API's memory growth, largest",
            f"{growth / MEGABYTE:.0f} MB",
            f"<= {REACH_GROWTH / MEGABYTE:.0f} MB",
            growth <= REACH_GROWTH,
        ),
        Figure(
            "  /livez meanwhile, slowest",
            spread([1000 * each.livez for each in rounds], "ms"),
            f"<= {1000 * REACH_LIVEZ:.0f} ms",
            slowest <= REACH_LIVEZ,
        ),
        Figure("  seconds by statement", where),
    ]


async def _waits(room: Room, films: Sequence[Film], rows: int, generated: int) -> list[Figure]:
    """How long a large upload makes wait who shares its new films, and who does not.

    Two lists are being enriched, one of films that the large one has, one of others. How long
    completions wait is seen in the longest time in which a list made no progress.
    """
    stand_in = StandIn(films=generated, latency=0.05, limit=_LIMIT, period=_PERIOD)
    settings = {"TMDB_RATE_LIMIT": str(_LIMIT), "TMDB_RATE_PERIOD": str(_PERIOD)}
    large = room.write_list(films[:rows])
    shared, others = films[:_LIST_IN_PROGRESS], films[rows:]
    async with room.stack(stand_in, settings) as bench:
        sharing = await bench.upload(room.write_list(shared))
        apart = await bench.upload(room.write_list(others))
        await _wait_for_the_even_flow(bench)
        quiet_from = time.time()
        await asyncio.sleep(_LATER_SECONDS)
        start = time.time()
        small = await _small_beside_large(room, bench, large, films[rows - 1 :: -1])
        end = time.time()
        await asyncio.sleep(_LATER_SECONDS)
        standstills = [
            Figure(
                f"longest standstill of a list in progress that {name}",
                f"{await _standstill(bench, upload, start - 1, end + _LATER_SECONDS):.2f} s, "
                f"{await _standstill(bench, upload, quiet_from, start):.2f} s before",
            )
            for name, upload in (("shares films", sharing), ("does not", apart))
        ]
    return [
        Figure(
            f"an upload of one film that the {rows} rows have, {len(small)} meanwhile",
            f"{spread(small, 's', 2)}",
        ),
        *standstills,
    ]


async def _wait_for_the_even_flow(bench: Bench) -> None:
    """Wait until the first burst of requests is over."""
    while (await bench.tmdb_report())["requests"] < _LIMIT + 2:  # noqa: ASYNC110  # a process's
        await asyncio.sleep(0.1)


async def _small_beside_large(
    room: Room, bench: Bench, large: Path, shared: Sequence[Film]
) -> list[float]:
    """Seconds of small uploads, each of one of the large one's films, begun while that runs."""
    running = asyncio.create_task(bench.upload(large))
    small: list[asyncio.Task[float]] = []

    async def one(film: Film) -> float:
        return (await bench.upload(room.write_list([film]))).seconds

    for film in shared:
        await asyncio.wait({running}, timeout=_SMALL_EVERY_SECONDS)
        if running.done():
            break
        small.append(asyncio.create_task(one(film)))
    await running
    return list(await asyncio.gather(*small)) or [0.0]


async def _standstill(bench: Bench, upload: Upload, start: float, end: float) -> float:
    """The longest time, in seconds, in which none of a session's lookups was answered."""
    row = await bench.fetchrow(
        """
        select array_agg(moment order by moment) as moments
        from (
          select distinct extract(epoch from answered_at)::float8 as moment
          from movies
          join lookups on lookups.id = movies.lookup_id
          where session_id = $1::text::uuid
        ) as answers
        where moment between $2 and $3
        """,
        upload.session_id,
        start,
        end,
    )
    return longest_gap([start, *(row["moments"] or []), end])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.upload_size", description=__doc__
    )
    arguments.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    arguments.add_argument("--rounds", type=int, default=3)
    run(
        measure,
        arguments.parse_args(),
        {"log_min_duration_statement": "0", "log_line_prefix": LINE_PREFIX},
    )
