"""An idle daemon: how many statements it sends in a tick, by the server's own log, and its CPU."""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import psutil

from benchmarks.figures import Figure
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, raised, run
from benchmarks.server_log import LINE_PREFIX, statements

if TYPE_CHECKING:
    from collections.abc import Sequence

TICK_SECONDS = 10.0
REACH_STATEMENTS = 10
REACH_CPU_SHARE = 0.02
_KNOWN_FILMS = 20
_WARM_FILMS = 50
_COMMONEST = 4


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """A daemon that has done its work, learned all titles, and has nothing more to do."""
    pick = pick_films(_KNOWN_FILMS)
    settings = {**RAISED_SETTINGS, "INDEX_VOTES": "5", "WARM_FILMS": str(_WARM_FILMS)}
    async with room.stack(raised(films=pick.generated), settings) as bench:
        await bench.enrich(room.write_list(pick.films))
        await _until_all_is_done(bench)
        daemon = psutil.Process(bench.stack.workers[0].pid)
        log = room.server.log_file
        start, cpu_before = log.stat().st_size, sum(daemon.cpu_times()[:2])
        await asyncio.sleep(options.seconds)
        cpu = sum(daemon.cpu_times()[:2]) - cpu_before
        written = log.read_bytes()[start:].decode(errors="replace")
    sent = statements(written, "projectionist-enrich")
    per_tick = len(sent) * TICK_SECONDS / options.seconds
    commonest = Counter(" ".join(text.split()[:3]) for text in sent).most_common(_COMMONEST)
    return [
        Figure(
            f"statements in a tick, daemon idle for {options.seconds:.0f} s",
            f"{per_tick:.1f}",
            f"<= {REACH_STATEMENTS}",
            per_tick <= REACH_STATEMENTS,
        ),
        Figure("the commonest", ", ".join(f"{times}x {text}" for text, times in commonest)),
        Figure(
            f"CPU used in {options.seconds:.0f} s",
            f"{cpu:.2f} s",
            f"no busy loop (<= {REACH_CPU_SHARE:.0%})",
            cpu <= REACH_CPU_SHARE * options.seconds,
        ),
    ]


async def _until_all_is_done(bench: Bench) -> None:
    """Wait until every year was gone through and the common films are there."""
    while True:
        row = await bench.fetchrow(
            """
            select
              count(*) filter (where due_at is not null) as due,
              count(*) filter (where kept and outcome = 'found' and key like 'tmdb:%') as warm
            from lookups
            """
        )
        if row["due"] == 0 and row["warm"] >= _WARM_FILMS:
            return
        await asyncio.sleep(1)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60.0)
    run(
        measure,
        arguments.parse_args(),
        {"log_statement": "all", "log_line_prefix": LINE_PREFIX},
    )
