"""Asks `/livez` every 5 ms, from a process of its own, so that no other work makes it late."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing import Self

POLL_SECONDS = 0.005


class Prober:
    """Probes a service for as long as the context lasts.

    Attributes:
        polls: how many answers there were.
        slowest: seconds that the slowest of them took.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._process: asyncio.subprocess.Process | None = None
        self.polls = 0
        self.slowest = 0.0

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.prober", self._url),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        if self._process.stdout is not None:
            await self._process.stdout.readline()  # it says that it has begun
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            said = json.loads((await self._process.communicate(b""))[0])
            self.polls, self.slowest = said["polls"], said["slowest"]


def _probe(url: str, ended: threading.Event) -> None:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    polls, slowest = 0, 0.0
    connection.connect()
    print("begun", flush=True)
    while not ended.wait(POLL_SECONDS):
        start = time.perf_counter()
        connection.request("GET", "/livez")
        connection.getresponse().read()
        slowest = max(slowest, time.perf_counter() - start)
        polls += 1
    print(json.dumps({"polls": polls, "slowest": slowest}))


def main() -> None:
    """Probe the address in the first argument until standard input ends."""
    ended = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    _probe(sys.argv[1], ended)


if __name__ == "__main__":
    main()
