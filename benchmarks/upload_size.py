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
from benchmarks.harness import Bench, Room, Upload, raised, run
from benchmarks.memory import MEGABYTE, MemoryWatch
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
_LIMIT, _PERIOD = 100, 10.0
_LIST_IN_PROGRESS = 400
_MARGIN_SECONDS = 4.0
_FLUSH_SECONDS = 0.2
"""In which the daemon saves what it could not save before the commit."""
_EVEN_REQUESTS = 10
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
    small = await _small_uploads(room, pick.films, largest)
    return [*figures, small, *await _completions(room, pick.films, largest, pick.generated)]


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


async def _small_uploads(room: Room, films: Sequence[Film], rows: int) -> Figure:
    """How long an upload of one new film waits that a large upload, begun before, has too."""
    large = room.write_list(films[:rows])
    small: list[asyncio.Task[Upload]] = []
    async with room.stack(raised(), daemons=0) as bench:
        running = asyncio.create_task(bench.upload(large))
        for film in films[:rows]:
            await asyncio.wait({running}, timeout=_SMALL_EVERY_SECONDS)
            if running.done():
                break
            small.append(asyncio.create_task(bench.upload(room.write_list([film]))))
        uploads = [await running, *await asyncio.gather(*small)]
    return Figure(
        f"upload of one film that the {rows} rows have, {len(small)} begun meanwhile",
        spread([upload.seconds for upload in uploads[1:]] or [0.0], "s", 2),
    )


async def _completions(
    room: Room, films: Sequence[Film], rows: int, generated: int
) -> list[Figure]:
    """How long a large upload makes completions wait: the longest standstill of other lists.

    Two lists are being enriched, one of films that the large one has, one of others.
    """
    stand_in = StandIn(films=generated, latency=0.05, limit=_LIMIT, period=_PERIOD)
    settings = {"TMDB_RATE_LIMIT": str(_LIMIT), "TMDB_RATE_PERIOD": str(_PERIOD)}
    large = room.write_list(films[:rows])
    async with room.stack(stand_in, settings) as bench:
        sharing = await bench.upload(room.write_list(films[:_LIST_IN_PROGRESS]))
        apart = await bench.upload(room.write_list(films[rows:]))
        await _wait_for_the_even_flow(bench)
        quiet = time.time()
        await asyncio.sleep(_MARGIN_SECONDS)
        start = time.time()
        committed = await bench.committed_at((await bench.upload(large)).session_id)
        await asyncio.sleep(_MARGIN_SECONDS)
        end = time.time()
        figures = []
        for name, upload in (("shares its films", sharing), ("does not", apart)):
            moments = await _answered(bench, upload)
            before = longest_gap(moments, quiet, start)
            during = longest_gap(moments, start, committed + _FLUSH_SECONDS)
            after = longest_gap(moments, committed + _FLUSH_SECONDS, end)
            figures.append(
                Figure(
                    f"longest standstill of a list in progress that {name}",
                    f"{during:.2f} s until the commit, {after:.2f} s after it "
                    f"({before:.2f} s with no large upload)",
                )
            )
        return figures


async def _wait_for_the_even_flow(bench: Bench) -> None:
    """Wait until the first burst of requests is over."""
    while (await bench.tmdb_report())["requests"] < _LIMIT + _EVEN_REQUESTS:  # noqa: ASYNC110  # a process's
        await asyncio.sleep(0.1)


async def _answered(bench: Bench, upload: Upload) -> list[float]:
    """When lookups of a session were answered, seconds since the epoch, in order."""
    row = await bench.fetchrow(
        """
        select array_agg(extract(epoch from answered_at)::float8 order by answered_at) as moments
        from movies
        join lookups on lookups.id = movies.lookup_id
        where session_id = $1::text::uuid and outcome is not null
        """,
        upload.session_id,
    )
    return list(row["moments"])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.upload_size", description=__doc__
    )
    arguments.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    arguments.add_argument("--rounds", type=int, default=3)
    run(
        measure,
        arguments.parse_args(),
        {
            "log_min_duration_statement": "0",
            "log_line_prefix": LINE_PREFIX,
            "track_commit_timestamp": "on",
        },
    )
