"""Connections to TMDB of a fleet that grows to eight daemons, shrinks, is killed and comes back.

Counted by the kernel at the stand-in's port, idle ones included, many times a second. The stand-in
takes its time (half a second) at a rate that keeps all connections busy.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.figures import Figure
from benchmarks.films import pick_films
from benchmarks.harness import Bench, Room, run
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence

LIMIT, PERIOD, LATENCY = 350, 10.0, 0.5
REACH_CONNECTIONS = 20
DAEMONS = 8
STAY_SECONDS = 6.0
FILMS = 8000
_POLL_SECONDS = 0.005
_ESTABLISHED = "01"


class Counter:
    """Connections to one port of this machine, as the kernel lists them."""

    def __init__(self, port: int) -> None:
        self._port = f"{port:04X}"
        self.most = 0
        self.by_stage: dict[str, int] = {}
        self.stage = "one daemon"

    async def watch(self) -> None:
        """Count until cancelled."""
        while True:
            now = self.count()
            self.most = max(self.most, now)
            self.by_stage[self.stage] = max(self.by_stage.get(self.stage, 0), now)
            await asyncio.sleep(_POLL_SECONDS)

    def count(self) -> int:
        """How many there are now, at the server's side.

        The list is no snapshot: of a line that moves while it is read there are two.
        """
        lines = Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]
        fields = [line.split() for line in lines]
        return len(
            {
                remote
                for _, local, remote, state, *_ in fields
                if local.endswith(f":{self._port}") and state == _ESTABLISHED
            }
        )


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """One fleet, and all that happens to fleets."""
    pick = pick_films(FILMS)
    stand_in = StandIn(films=pick.generated, latency=LATENCY, limit=LIMIT, period=PERIOD)
    budget = {"TMDB_RATE_LIMIT": str(LIMIT), "TMDB_RATE_PERIOD": str(PERIOD)}
    async with room.stack(stand_in, budget) as bench, asyncio.TaskGroup() as group:
        counter = Counter(urlsplit(bench.stack.tmdb_url).port or 0)
        watching = group.create_task(counter.watch())
        await bench.upload(room.write_list(pick.films))
        await _go_through(bench, counter, options.daemons)
        watching.cancel()
        report = await bench.tmdb_report()
    stages = ", ".join(f"{stage} {most}" for stage, most in counter.by_stage.items())
    return [
        Figure(
            f"connections of up to {options.daemons} daemons at any moment",
            f"{counter.most} ({stages})",
            f"<= {REACH_CONNECTIONS}",
            counter.most <= REACH_CONNECTIONS,
        ),
        Figure(
            f"requests in any {PERIOD:.0f} s",
            f"{report['largest_window']}, and {report['refused_429']} refused",
            f"never over {LIMIT}",
            report["largest_window"] <= LIMIT,
        ),
    ]


async def _go_through(bench: Bench, counter: Counter, daemons: int) -> None:
    stack = bench.stack
    await _work_on(bench, stack.workers)
    counter.stage = "joining"
    for _ in range(daemons - 1):
        await stack.add_daemon()
    await _work_on(bench, stack.workers)
    counter.stage = "killed"
    half = stack.workers[: daemons // 2]
    await asyncio.gather(*(worker.kill() for worker in half))
    await _work_on(bench, stack.workers[daemons // 2 :])
    counter.stage = "back"
    for worker in half:
        await worker.start()
    await _work_on(bench, stack.workers)
    counter.stage = "leaving"
    for worker in stack.workers[1:]:
        await worker.stop()
    await asyncio.sleep(STAY_SECONDS)


async def _work_on(bench: Bench, workers: Sequence[object]) -> None:
    """Let so many work for a while, and until each has been seen at work."""
    seen: set[object] = set()
    start = time.monotonic()
    while len(seen) < len(workers) or time.monotonic() - start < STAY_SECONDS:
        rows = await bench.fetch(
            """
            select distinct claimed_by
            from lookups
            join workers on workers.id = claimed_by
            where heartbeat_at > clock_timestamp() - interval '6 s'
            """
        )
        seen.update(row["claimed_by"] for row in rows)
        await asyncio.sleep(0.1)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.connections", description=__doc__
    )
    arguments.add_argument("--daemons", type=int, default=DAEMONS)
    run(measure, arguments.parse_args())
