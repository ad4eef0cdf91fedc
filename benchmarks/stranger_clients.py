"""The clients of a public instance: who polls, who uploads, who floods and who trickles."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.harness import at_address
from benchmarks.status_pollers import GONE, address_of, poll_in_process

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    import aiohttp

    from benchmarks.harness import Bench
    from local_stack.tmdb.film import Film

    Client = Callable[["Phase", float], Coroutine[None, None, None]]

ROWS, EVERY_SECONDS = 5_000, 30.0
"""Of a list that an uploader sends, and how often."""
FLOOD_RATE = 50
"""Requests a second."""
SMALL = 20
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
                at_address(address_of(number)) as http,
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

    def pollers(self) -> Client:
        """Return clients that read their status once a second each, in a process of their own."""

        async def poll(phase: Phase, end: float) -> None:
            seconds, statuses, bare = await poll_in_process(
                self._url, self._sessions, end - time.perf_counter()
            )
            phase.status_seconds += seconds
            phase.answers.update({("poller", status): n for status, n in statuses.items()})
            phase.bare += bare

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
