"""Loading TMDB's daily export beside a list that runs: time, memory, and what waits for it."""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from benchmarks.figures import Figure, percentile
from benchmarks.films import pick_films
from benchmarks.harness import Bench, Room, run
from benchmarks.memory import MEGABYTE, MemoryWatch
from benchmarks.server_log import LINE_PREFIX, executions
from local_stack.processes import free_port
from local_stack.stack import StandIn
from local_stack.tmdb.population import TMDB_FILMS, simulate_export

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

FILMS = 2_000
REACH_SECONDS = 90
REACH_FACTOR = 1.5
REACH_MEMORY = 100
REACH_SIZE = 200
_CLAIM = "with next as ("
_DAEMON = "projectionist-enrich"
_PAUSE_SECONDS = 0.1


@dataclass(slots=True)
class _Seen:
    """What was seen of a running list; times are milliseconds."""

    status: list[float] = field(default_factory=list)
    daemon: list[float] = field(default_factory=list)
    claims: list[float] = field(default_factory=list)
    peak: float = 0.0


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """A list beside the load, and the same list once the load has ended."""
    pick = pick_films(FILMS)
    path = room.write_list(pick.films)
    export = await asyncio.to_thread(simulate_export, of=options.lines)
    stand_in = StandIn(films=pick.generated, latency=0.05)
    async with (
        _served(export) as url,
        room.stack(stand_in, {"INDEX_VOTES": "5", "TMDB_EXPORT_BASE_URL": url}) as bench,
    ):
        session = (await bench.upload(path)).session_id
        beside = await _watch(room, bench, session, None)
        alone = await _watch(room, bench, session, options.seconds)
        loaded = _loaded(bench.stack.workers[0].log)
        size = await bench.fetchrow(
            """
            select
              pg_total_relation_size('exported_films') as bytes,
              pg_indexes_size('exported_films') as indexes
            """
        )
    seconds = float(loaded["seconds"])
    return [
        Figure(
            f"loading {loaded['films']} films ({len(export) / 1e6:.1f} MB compressed)",
            f"{seconds:.0f} s, {loaded['rows']} rows",
            f"<= {REACH_SECONDS} s",
            seconds <= REACH_SECONDS,
        ),
        Figure(
            "the daemon's memory at most",
            f"{beside.peak:.0f} MB",
            f"<= {REACH_MEMORY} MB",
            beside.peak <= REACH_MEMORY,
        ),
        Figure(
            "added to the database",
            f"{size['bytes'] / MEGABYTE:.0f} MB, {size['indexes'] / MEGABYTE:.0f} of it the index",
            f"<= {REACH_SIZE} MB",
            size["bytes"] <= REACH_SIZE * MEGABYTE,
        ),
        _compared("status reads of the list", alone.status, beside.status),
        _compared("claims, in the database", alone.claims, beside.claims),
        _compared(
            "the daemon's own status, through its event loop",
            alone.daemon,
            beside.daemon,
            judged=False,
        ),
    ]


def _compared(
    what: str, alone: Sequence[float], beside: Sequence[float], *, judged: bool = True
) -> Figure:
    factor = percentile(beside, 50) / percentile(alone, 50)
    return Figure(
        f"{what}, median and p95",
        f"alone {percentile(alone, 50):.1f}, {percentile(alone, 95):.1f} ms; beside the load "
        f"{percentile(beside, 50):.1f}, {percentile(beside, 95):.1f} ms",
        f"<= {REACH_FACTOR} times" if judged else "",
        factor <= REACH_FACTOR if judged else None,
    )


async def _watch(room: Room, bench: Bench, session: str, seconds: float | None) -> _Seen:
    """Look at a running list for so long, or until the export is loaded."""
    seen, worker = _Seen(), bench.stack.workers[0]
    start = room.server.log_file.stat().st_size
    end = time.monotonic() + (seconds or 600)
    async with MemoryWatch(worker.pid) as memory:
        while time.monotonic() < end and (seconds or not _loaded(worker.log)):
            seen.status.append(
                await _timed(bench, f"{bench.stack.api_url}/api/session/{session}/status")
            )
            seen.daemon.append(await _timed(bench, f"{worker.url}/worker/status"))
            await asyncio.sleep(_PAUSE_SECONDS)
    seen.peak = memory.peak / MEGABYTE
    log = room.server.log_file.read_bytes()[start:].decode(errors="replace")
    seen.claims = executions(log, _DAEMON, _CLAIM)
    return seen


async def _timed(bench: Bench, url: str) -> float:
    start = time.perf_counter()
    async with bench.http.get(url, raise_for_status=True) as answer:
        await answer.read()
    return 1000 * (time.perf_counter() - start)


def _loaded(log: Path) -> dict[str, float]:
    """What the daemon said of the export, once it did."""
    for line in log.read_text().splitlines():
        if '"export_loaded"' in line:
            said: dict[str, float] = json.loads(line)
            return said
    return {}


@asynccontextmanager
async def _served(export: bytes) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=export, content_type="application/gzip")

    app = web.Application()
    app.router.add_get("/p/exports/{name}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.export_load", description=__doc__
    )
    arguments.add_argument("--lines", type=int, default=TMDB_FILMS, help="films in the export")
    arguments.add_argument("--seconds", type=float, default=30.0, help="for which it runs alone")
    run(
        measure,
        arguments.parse_args(),
        {"log_min_duration_statement": "0", "log_line_prefix": LINE_PREFIX},
    )
