"""Summaries that were added up before, as long as nothing that they show has changed."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from typing import Self
    from uuid import UUID

    from api_service.queries.movies import MovieFilter
    from api_service.storage.sessions import SessionRow
    from api_service.storage.summaries import SummaryVersion

    Key = tuple[UUID, MovieFilter]
    AddUp = Callable[[], Awaitable[str]]

MOST_BYTES = 32 * 1024**2
KEPT_SECONDS = 600.0
"""After which one is added up anew, whatever has changed: what was refreshed since is looked
through at each request."""
_ENTRY_BYTES = 1024
"""Of a summary beside its text, roughly."""


@dataclass(frozen=True, slots=True, eq=False)
class _Kept:
    """A summary, with the version of what it shows and when its figures began to be read."""

    text: str
    version: SummaryVersion
    began_at: float

    @property
    def size(self) -> int:
        """Bytes that it takes, roughly."""
        return _ENTRY_BYTES + len(self.text.encode())


@dataclass(slots=True, eq=False)
class _Running:
    """A summary that is being added up, or waits for its turn.

    Attributes:
        task: makes it.
        waiting: requests that wait for it.
        began_at: when its figures began to be read (`time.monotonic()` seconds).
    """

    task: asyncio.Task[_Kept]
    waiting: int = 0
    began_at: float | None = None

    def shows(self, moment: float) -> bool:
        """Whether it shows all that had been changed at a moment."""
        return self.began_at is None or self.began_at >= moment


class SummaryCache:
    """Keeps the answers to summaries, each with the version of what it shows.

    Each is added up once at a time. Whoever asks before its figures are read waits for the same.
    Whoever asks later waits for its end, and then for one more if something has changed. What
    nobody waits for any more is given up.

    Args:
        turn: within which one of so many movies is added up.
        read_version: of a session, with what was refreshed since a moment.
        most_bytes: of all texts together; what was used least lately goes first.
    """

    def __init__(
        self,
        turn: Callable[[int], AbstractAsyncContextManager[None]],
        read_version: Callable[[UUID, datetime | None], Awaitable[SummaryVersion]],
        *,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._turn = turn
        self._read_version = read_version
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._bytes = 0
        self._running: dict[Key, _Running] = {}
        self._tasks: set[asyncio.Task[_Kept]] = set()
        """Those of all that run, and of those that were given up and have not ended yet."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def get(self, session: SessionRow, chosen: MovieFilter, add_up: AddUp) -> str:
        """The summary of a session's movies that fit, as it was if it would be the same.

        Args:
            session: whose movies.
            chosen: which of them.
            add_up: makes it; raises what then all raise who wait for it.
        """
        key = (session.id, chosen)
        asked_at = time.monotonic()
        while True:
            if running := self._running.get(key):
                await self._wait(key, running)
                if running.shows(asked_at):
                    return running.task.result().text
            elif (kept := self._kept.get(key)) is None:
                self._begin(key, session.total, add_up)
            elif await self._still_holds(key, kept):
                return kept.text
            elif self._kept.get(key) is kept:
                self._drop(key)

    async def _still_holds(self, key: Key, kept: _Kept) -> bool:
        if time.monotonic() - kept.began_at > KEPT_SECONDS:
            return False
        self._kept.move_to_end(key)  # it was used lately
        version = await self._read_version(key[0], kept.version.since)
        return version.shows_what(kept.version)

    def _begin(self, key: Key, films: int, add_up: AddUp) -> None:
        async def make() -> _Kept:
            async with self._turn(films):
                running.began_at = time.monotonic()
                # Before the figures: what changes meanwhile makes this version an old one.
                version = await self._read_version(key[0], None)
                return _Kept(await add_up(), version, running.began_at)

        running = self._running[key] = _Running(asyncio.create_task(make()))
        self._tasks.add(running.task)
        running.task.add_done_callback(lambda _: self._end(key, running))

    async def _wait(self, key: Key, running: _Running) -> None:
        """Wait for its end, and give it up if nobody else does."""
        running.waiting += 1
        try:
            await asyncio.wait({running.task})
        finally:
            running.waiting -= 1
            if not running.waiting and not running.task.done():
                del self._running[key]
                running.task.cancel()

    def _end(self, key: Key, running: _Running) -> None:
        """Keep what was added up, unless it failed; what is too much goes."""
        self._tasks.discard(running.task)
        if self._running.get(key) is running:
            del self._running[key]
        if running.task.cancelled() or running.task.exception() is not None:
            return
        if key in self._kept:
            self._drop(key)
        kept = self._kept[key] = running.task.result()
        self._bytes += kept.size
        while self._bytes > self._most_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        self._bytes -= self._kept.pop(key).size
