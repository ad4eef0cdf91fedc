"""A public instance on a bad day: many honest clients, one that floods, a hundred that trickle.

Each client has a source address of its own in 127.0.0.0/8. Three phases: pollers alone, all honest
clients, and the abusers beside them; `--faults` ends processes in the last one. The clients share
the processors with the services, so times are upper bounds; who polls is a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

from benchmarks.figures import Figure, percentile, spread
from benchmarks.films import pick_films
from benchmarks.flood import DEFAULTS
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, raised, run
from benchmarks.memory import MEGABYTE
from benchmarks.memory_limit import MemoryLimit, memory_limit
from benchmarks.stranger_clients import ROWS, SMALL, Load, Phase
from local_stack.instant import answer_at_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence


REACH_TIMES, REACH_LIST_TIMES = 3.0, 1.5
REACH_MEGABYTES = 1024
LIMIT_BYTES = REACH_MEGABYTES * MEGABYTE
REACH_GROWTH = 64
"""Megabytes that the API may have more at the end of the last phase than after a third of it."""
OUTAGE_SECONDS = 3.0


async def _break_things(
    room: Room, bench: Bench, seconds: float, limit: MemoryLimit | None
) -> None:
    """Restart PostgreSQL, kill a daemon and start another, kill the API and start it again."""
    await asyncio.sleep(seconds / 4)
    await room.server.stop(signal.SIGINT)
    await asyncio.sleep(OUTAGE_SECONDS)
    await room.server.start()
    await asyncio.sleep(seconds / 4)
    await bench.stack.workers[0].kill()
    await bench.stack.add_daemon()
    await asyncio.sleep(seconds / 8)
    await bench.stack.api.kill()
    await bench.stack.api.start()
    if limit is not None:
        limit.add(bench.stack.api.pid)


async def _memory(bench: Bench, temporary: Path, seconds: float) -> tuple[float, float, float]:
    """The API's megabytes at their peak, after a third of so many seconds, and at the end.

    Those of its parsers are counted, too, and what lies in its temporary folder, which is memory.
    """
    seen: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        seen.append(await asyncio.to_thread(_megabytes, bench.stack.api.pid, temporary))
        await asyncio.sleep(1)
    third = len(seen) // 3
    return max(seen), median(seen[third : third + 10]), median(seen[-10:])


def _megabytes(pid: int, temporary: Path) -> float:
    api = psutil.Process(pid)
    taken = 0
    for process in (api, *api.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            taken += process.memory_full_info().pss
    for folder, _, names in os.walk(temporary):  # what goes meanwhile is passed over
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                taken += Path(folder, name).stat().st_size
    return taken / MEGABYTE


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """The three phases, and what is in the database after them."""
    lists = int(3 * options.seconds)
    pick = pick_films(ROWS + SMALL * lists)
    known, new = pick.films[:ROWS], pick.films[ROWS:]
    with (
        tempfile.TemporaryDirectory(prefix="strangers-", dir=_in_memory()) as temporary,
        memory_limit(LIMIT_BYTES) if options.limited else nullcontext() as limit,
    ):
        env = RAISED_SETTINGS | DEFAULTS | {"TMPDIR": temporary, "UPLOAD_DISK_BYTES": "268435456"}
        async with room.stack(raised(films=pick.generated), env, daemons=0) as bench:
            if limit is not None:
                limit.add(bench.stack.api.pid)
            await bench.upload(room.write_list(known), address="127.9.0.1")
            await answer_at_once(bench.stack.dsn, known)
            for _ in range(2):
                await bench.stack.add_daemon()
            load = Load(bench, known, new)
            await load.prepare(options.pollers, known)
            pollers = load.pollers()
            honest = [pollers, *(load.uploader(number) for number in range(options.uploaders))]
            honest.append(load.small_lists())
            abusers = [load.flooder(), *(load.trickler(n) for n in range(options.tricklers))]
            alone = await load.run(options.seconds / 5, [pollers])
            calm = await load.run(options.seconds / 5, honest)
            work: list[Awaitable[object]] = [load.run(options.seconds, [*honest, *abusers])]
            if options.faults:
                work.append(_break_things(room, bench, options.seconds, limit))
            else:
                work.append(_memory(bench, Path(temporary), options.seconds))
            bad, seen = await asyncio.gather(*work)
            assert isinstance(bad, Phase)  # noqa: S101  # the first of them
            stored = alone.stored | calm.stored | bad.stored
            lost = await _lost(bench, stored)
            figures = _figures(alone, calm, bad, faults=options.faults)
            if limit is not None:
                figures.append(_of_limit(limit))
    if isinstance(seen, tuple):
        figures += _of_memory(*seen)
    figures.append(
        Figure(
            f"of {len(stored)} uploads answered 201, lost or not complete",
            f"{lost}",
            "0",
            lost == 0,
        )
    )
    return figures


async def _lost(bench: Bench, stored: set[str]) -> int:
    """How many of these sessions are not there, or do not come to be complete in two minutes."""
    query = """
        select count(*)
        from sessions
        where id = any($1::text[]::uuid[]) and completed_at is not null
    """
    for _ in range(120):
        row = await bench.fetchrow(query, list(stored))
        if row["count"] == len(stored):
            return 0
        await asyncio.sleep(1)
    return len(stored) - int(row["count"])


def _in_memory() -> str | None:
    """A folder in memory, where there is one, as the API has it in a container."""
    shared = Path("/dev/shm")  # noqa: S108  # the folder made in it is ours alone
    return str(shared) if shared.is_dir() else None


def _figures(alone: Phase, calm: Phase, bad: Phase, *, faults: bool) -> list[Figure]:
    usual, honest, worst = (
        1000 * percentile(phase.status_seconds, 99) for phase in (alone, calm, bad)
    )
    figures = [
        Figure(f"answers to {who}", f"{bad.of(who)}")
        for who in ("poller", "uploader", "small", "flooder", "trickler")
    ]
    figures.append(
        Figure(
            "5xx but 503, and 503 without Retry-After",
            f"{bad.failures}, {bad.bare}",
            "0, 0",
            bad.failures == bad.bare == 0,
        )
    )
    if faults:
        return figures
    before, beside = median(calm.list_seconds), median(bad.list_seconds)
    return [
        *figures,
        Figure(
            "status read p99, pollers alone, beside honest clients, beside everybody",
            f"{usual:.1f} ms, {honest:.1f} ms, {worst:.1f} ms: {worst / usual:.1f} times",
            f"<= {REACH_TIMES:g} times",
            worst <= REACH_TIMES * usual,
        ),
        Figure(
            f"an honest list of {SMALL} films, beside honest clients",
            spread(calm.list_seconds, "s", 2),
        ),
        Figure(
            "the same, with the abusers",
            f"{spread(bad.list_seconds, 's', 2)}: {beside / before:.2f} times",
            f"<= {REACH_LIST_TIMES:g} times",
            beside <= REACH_LIST_TIMES * before,
        ),
    ]


def _of_limit(limit: MemoryLimit) -> Figure:
    return Figure(
        "ended by the kernel for its limit of 1 GiB, and the most there was",
        f"{limit.kills}, {limit.peak / MEGABYTE:.0f} MB",
        "0",
        limit.kills == 0,
    )


def _of_memory(peak: float, early: float, late: float) -> list[Figure]:
    return [
        Figure(
            "memory of the API, its parsers and its temporary folder, at most",
            f"{peak:.0f} MB",
            f"<= {REACH_MEGABYTES} MB",
            peak <= REACH_MEGABYTES,
        ),
        Figure(
            "after a third of the time, and at the end",
            f"{early:.0f} MB, {late:.0f} MB",
            f"<= {REACH_GROWTH} MB more",
            late - early <= REACH_GROWTH,
        ),
    ]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.strangers", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=300.0, help="of the last phase")
    arguments.add_argument("--pollers", type=int, default=200)
    arguments.add_argument("--uploaders", type=int, default=20)
    arguments.add_argument("--tricklers", type=int, default=100)
    arguments.add_argument(
        "--limited",
        action="store_true",
        help="let the API have 1 GiB of memory, files of uploads among it; needs root",
    )
    arguments.add_argument(
        "--faults",
        action="store_true",
        help="restart PostgreSQL, kill a daemon and the API meanwhile",
    )
    run(measure, arguments.parse_args())
