"""A public instance on a bad day: many honest clients, one that floods, a hundred that trickle.

Each client has a source address of its own in 127.0.0.0/8. Three phases: pollers alone, all honest
clients, and the abusers beside them; `--faults` ends processes in the last one. The clients share
the processors with the services, so times are upper bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import random
import signal
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import aiohttp
import psutil

from benchmarks.figures import Figure, percentile, spread
from benchmarks.films import pick_films
from benchmarks.flood import DEFAULTS
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, at_address, raised, run
from benchmarks.memory import MEGABYTE
from local_stack.instant import answer_at_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence

    from local_stack.tmdb.film import Film

    Client = Callable[["Phase", float], Coroutine[None, None, None]]

ROWS, EVERY_SECONDS = 5_000, 30.0
"""Of a list that an uploader sends, and how often."""
FLOOD_RATE = 50
SMALL = 20
REACH_TIMES, REACH_LIST_TIMES = 3.0, 1.5
REACH_MEGABYTES = 1024
REACH_GROWTH = 64
"""Megabytes that the API may have more at the end of the last phase than after a third of it."""
OUTAGE_SECONDS = 3.0
GONE = (aiohttp.ClientError, ConnectionError, TimeoutError)
CSV = {"Content-Type": "text/csv"}


@dataclass(slots=True)
class Phase:
    """What was seen in one phase.

    Attributes:
        status_seconds: of each status read of a poller.
        list_seconds: of each honest list of `SMALL` films, from upload to completed.
        answers: to all clients, by who asked and the status; `gone` where there was none.
        bare: 503s without Retry-After.
        stored: sessions whose upload was answered 201.
    """

    status_seconds: list[float] = field(default_factory=list)
    list_seconds: list[float] = field(default_factory=list)
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    bare: int = 0
    stored: set[str] = field(default_factory=set)

    def note(self, who: str, answer: aiohttp.ClientResponse) -> None:
        """Count an answer."""
        self.answers[who, str(answer.status)] += 1
        if answer.status == 503 and "Retry-After" not in answer.headers:  # noqa: PLR2004  # HTTP's
            self.bare += 1

    def of(self, who: str) -> dict[str, int]:
        """Return how often each status was answered to these clients."""
        return {status: count for (its, status), count in self.answers.items() if its == who}

    @property
    def failures(self) -> int:
        """How many 5xx there were that are no 503."""
        return sum(
            count
            for (_, status), count in self.answers.items()
            if status.startswith("5") and status != "503"
        )


def title_list(films: Sequence[Film]) -> bytes:
    """A list of these films, as it is sent."""
    rows = [f'"{film.title.replace(chr(34), chr(34) * 2)}",{film.year}' for film in films]
    return "\n".join(["Title,Year", *rows]).encode()


class Load:
    """The clients of one API.

    Args:
        bench: the services.
        known: films that are answered already.
        new: films that nobody has asked for.
    """

    def __init__(self, bench: Bench, known: Sequence[Film], new: Sequence[Film]) -> None:
        self._bench = bench
        self._url = bench.stack.api_url
        self._large = title_list(known[:ROWS])
        self._new = iter(new)
        self._sessions: list[str] = []
        self._dice = random.Random(1)  # noqa: S311  # moments, no secrets

    async def prepare(self, pollers: int, known: Sequence[Film]) -> None:
        """Make each poller a session of its own."""
        for number in range(pollers):
            start = SMALL * number % (len(known) - SMALL)
            body = title_list(known[start : start + SMALL])
            async with (
                at_address(f"127.1.{number // 200}.{number % 200 + 1}") as http,
                http.post(f"{self._url}/api/upload", data=body, headers=CSV) as answer,
            ):
                self._sessions.append((await answer.json())["session_id"])

    async def run(self, seconds: float, clients: Sequence[Client]) -> Phase:
        """Run clients for so long; what they saw."""
        phase = Phase()
        end = time.perf_counter() + seconds
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client(phase, end))
        return phase

    def poller(self, number: int) -> Client:
        """Return a client that reads its status once a second."""
        path = f"{self._url}/api/session/{self._sessions[number]}/status"

        async def poll(phase: Phase, end: float) -> None:
            async with at_address(f"127.1.{number // 200}.{number % 200 + 1}") as http:
                await asyncio.sleep(self._dice.random())
                while (start := time.perf_counter()) < end:
                    try:
                        async with http.get(path) as answer:
                            await answer.read()
                            phase.note("poller", answer)
                            phase.status_seconds.append(time.perf_counter() - start)
                    except GONE:
                        phase.answers["poller", "gone"] += 1
                    await asyncio.sleep(max(0.0, start + 1 - time.perf_counter()))

        return poll

    def uploader(self, number: int) -> Client:
        """Return a client that sends a list of `ROWS` known films now and then."""

        async def upload(phase: Phase, end: float) -> None:
            async with at_address(f"127.2.0.{number + 1}") as http:
                await asyncio.sleep(self._dice.random() * min(EVERY_SECONDS, 10.0))
                while (start := time.perf_counter()) < end:
                    await self._send(http, "uploader", self._large, phase)
                    await asyncio.sleep(max(0.0, start + EVERY_SECONDS - time.perf_counter()))

        return upload

    def small_lists(self) -> Client:
        """Return clients that bring a list of new films, one after the other."""

        async def bring(phase: Phase, end: float) -> None:
            for number in itertools.count():
                if time.perf_counter() > end:
                    return
                body = title_list(list(itertools.islice(self._new, SMALL)))
                async with at_address(f"127.3.{number // 200}.{number % 200 + 1}") as http:
                    await self._bring(http, body, phase, end)
                await asyncio.sleep(1)

        return bring

    async def _bring(
        self, http: aiohttp.ClientSession, body: bytes, phase: Phase, end: float
    ) -> None:
        start = time.perf_counter()
        session_id = await self._send(http, "small", body, phase)
        while session_id is not None:
            with contextlib.suppress(*GONE):
                async with http.get(f"{self._url}/api/session/{session_id}/status") as answer:
                    status = await answer.json(content_type=None)
                    if status.get("status") == "completed":
                        phase.list_seconds.append(time.perf_counter() - start)
                        return
            if time.perf_counter() > end + 60:
                return
            await asyncio.sleep(0.1)

    def flooder(self) -> Client:
        """Return a client that asks for something heavy fifty times a second."""
        session = f"{self._url}/api/session/{self._sessions[0]}"
        body = title_list([])
        wanted = itertools.cycle(
            (
                ("POST", f"{self._url}/api/upload"),
                ("GET", f"{session}/summary?decade=1990"),
                ("GET", f"{session}/export"),
                ("GET", f"{session}/movies?sort=rating"),
                ("POST", f"{session}/enrich"),
            )
        )

        async def flood(phase: Phase, end: float) -> None:
            async with at_address("127.4.0.1") as http, asyncio.TaskGroup() as group:
                while (start := time.perf_counter()) < end:
                    group.create_task(self._ask(http, *next(wanted), body, phase))
                    await asyncio.sleep(max(0.0, start + 1 / FLOOD_RATE - time.perf_counter()))

        return flood

    async def _ask(
        self, http: aiohttp.ClientSession, method: str, url: str, body: bytes, phase: Phase
    ) -> None:
        data = self._large if url.endswith("upload") else body
        try:
            async with http.request(method, url, data=data, headers=CSV) as answer:
                await answer.read()
                phase.note("flooder", answer)
        except GONE:
            phase.answers["flooder", "gone"] += 1

    def trickler(self, number: int) -> Client:
        """Return a client that sends a byte a second of a body of fifty megabytes."""
        host, _, port = self._url.removeprefix("http://").partition(":")
        head = (
            b"POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
            b"Content-Length: 50000000\r\n\r\n"
        )

        async def trickle(phase: Phase, end: float) -> None:
            while time.perf_counter() < end:
                line = b""
                with contextlib.suppress(*GONE):
                    reader, writer = await asyncio.open_connection(
                        host, int(port), local_addr=(f"127.5.0.{number + 1}", 0)
                    )
                    writer.write(head)
                    answer = asyncio.create_task(reader.readline())
                    while not answer.done() and time.perf_counter() < end:
                        writer.write(b"x")
                        await asyncio.wait({answer}, timeout=1)
                    if not answer.done():
                        answer.cancel()
                        writer.close()
                        return
                    line = await answer
                    writer.close()
                status = line.split()[1].decode() if line else "gone"
                phase.answers["trickler", status] += 1
                await asyncio.sleep(1)

        return trickle

    async def _send(
        self, http: aiohttp.ClientSession, who: str, body: bytes, phase: Phase
    ) -> str | None:
        """Upload a list; the session that it became, if it was taken."""
        try:
            async with http.post(f"{self._url}/api/upload", data=body, headers=CSV) as answer:
                text = await answer.text()
                phase.note(who, answer)
        except GONE:
            phase.answers[who, "gone"] += 1
            return None
        if answer.status != 201:  # noqa: PLR2004  # HTTP's own number
            return None
        session_id = str(json.loads(text)["session_id"])
        phase.stored.add(session_id)
        return session_id


async def _break_things(room: Room, bench: Bench, seconds: float) -> None:
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
    for path in temporary.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            taken += path.stat().st_size
    return taken / MEGABYTE


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """The three phases, and what is in the database after them."""
    lists = int(3 * options.seconds)
    pick = pick_films(ROWS + SMALL * lists)
    known, new = pick.films[:ROWS], pick.films[ROWS:]
    with tempfile.TemporaryDirectory(prefix="strangers-", dir=_in_memory()) as temporary:
        env = RAISED_SETTINGS | DEFAULTS | {"TMPDIR": temporary, "UPLOAD_DISK_BYTES": "268435456"}
        async with room.stack(raised(films=pick.generated), env, daemons=0) as bench:
            await bench.upload(room.write_list(known), address="127.9.0.1")
            await answer_at_once(bench.stack.dsn, known)
            for _ in range(2):
                await bench.stack.add_daemon()
            load = Load(bench, known, new)
            await load.prepare(options.pollers, known)
            pollers = [load.poller(number) for number in range(options.pollers)]
            honest = [*pollers, *(load.uploader(number) for number in range(options.uploaders))]
            honest.append(load.small_lists())
            abusers = [load.flooder(), *(load.trickler(n) for n in range(options.tricklers))]
            alone = await load.run(options.seconds / 5, pollers)
            calm = await load.run(options.seconds / 5, honest)
            work: list[Awaitable[object]] = [load.run(options.seconds, [*honest, *abusers])]
            if options.faults:
                work.append(_break_things(room, bench, options.seconds))
            else:
                work.append(_memory(bench, Path(temporary), options.seconds))
            bad, seen = await asyncio.gather(*work)
            assert isinstance(bad, Phase)  # noqa: S101  # the first of them
            stored = alone.stored | calm.stored | bad.stored
            lost = await _lost(bench, stored)
    figures = _figures(alone, calm, bad, faults=options.faults)
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
        "--faults",
        action="store_true",
        help="restart PostgreSQL, kill a daemon and the API meanwhile",
    )
    run(measure, arguments.parse_args())
