"""Taking a large session away and adding to it: seconds, the API's memory, its liveness."""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.again import MARK_ALL_FOUND
from benchmarks.figures import Figure
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, execute, raised, run
from benchmarks.memory import MEGABYTE, MemoryWatch
from benchmarks.prober import Prober

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from pathlib import Path

REACH_GROWTH = 30 * MEGABYTE
EXPORTS = (
    "format=csv",
    "format=jsonl",
    "format=letterboxd",
    "format=csv&genre=Drama&sort=title&watched=true",
)
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class _Watched:
    """What something took: seconds, bytes that the API grew by, seconds of the slowest `/livez`."""

    seconds: float
    growth: int
    livez: float
    came_to: int

    def figure(self, name: str, reach: int | None = None) -> Figure:
        """It in a line."""
        return Figure(
            name,
            f"{self.seconds:.2f} s, memory grew by {self.growth / MEGABYTE:.0f} MB, "
            f"/livez {1000 * self.livez:.0f} ms at the slowest, {self.came_to} lines or movies",
            f"<= {reach / MEGABYTE:.0f} MB" if reach else "",
            self.growth <= reach if reach else None,
        )


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """A session of found films: exported whole in each form and by a filter; then added to."""
    pick = pick_films(options.films + 1)
    large, small = room.write_list(pick.films[:-1]), room.write_list(pick.films[-1:])
    exports = []
    for query in EXPORTS:
        async with room.stack(raised(), RAISED_SETTINGS, daemons=0) as bench:
            session_id = (await bench.upload(large)).session_id
            await execute(bench.stack.dsn, *MARK_ALL_FOUND)
            path = f"/api/session/{session_id}/export?{query}"
            watched = await _watch(bench, _export(bench, path))
            name = f"export of {options.films} films, {query}"
            exports.append(watched.figure(name, REACH_GROWTH))
            one = await _watch(bench, _add(bench, session_id, small))
            again = await _watch(bench, _add(bench, session_id, large))
    return [
        *exports,
        one.figure(f"one film added to {options.films}"),
        again.figure("all of them added again, none new"),
    ]


async def _watch(bench: Bench, work: Awaitable[int]) -> _Watched:
    async with Prober(bench.stack.api_url) as prober, MemoryWatch(bench.stack.api.pid) as memory:
        start = time.perf_counter()
        came_to = await work
        seconds = time.perf_counter() - start
    return _Watched(seconds, memory.growth, prober.slowest, came_to)


async def _export(bench: Bench, path: str) -> int:
    """Read an export without keeping it; its lines."""
    lines = 0
    async with bench.http.get(bench.stack.api_url + path, raise_for_status=True) as response:
        async for chunk in response.content.iter_chunked(_CHUNK):
            lines += chunk.count(b"\n")
    return lines


async def _add(bench: Bench, session_id: str, path: Path) -> int:
    """Add a list to a session; how many movies that has then."""
    with path.open("rb") as body:
        async with bench.http.post(
            f"{bench.stack.api_url}/api/session/{session_id}/upload",
            data=body,
            headers={"Content-Type": "text/csv"},
            raise_for_status=True,
        ) as response:
            return int((await response.json())["total_movies"])


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.session_files", description=__doc__
    )
    arguments.add_argument("--films", type=int, default=100_000)
    run(measure, arguments.parse_args())
