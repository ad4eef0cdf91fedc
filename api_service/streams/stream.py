"""One open stream of events: what it has still to be sent, and how events look on the wire.

A stream keeps the newest of each kind and nothing else, so a client that reads slowly misses what
lies between, and costs no more than one that reads at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from api_service.schemas.sessions import film_answer
from api_service.storage.events import MOST_FILMS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from api_service.storage.events import AnsweredFilm

HEARTBEAT = b":\n\n"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def event(name: str, data: str, number: int | None = None) -> bytes:
    """An event on the wire; the data is JSON, which has no line break."""
    numbered = "" if number is None else f"id: {number}\n"
    return f"{numbered}event: {name}\ndata: {data}\n\n".encode()


@dataclass(frozen=True, slots=True)
class Films:
    """Films as JSON, newest first, each with the number of its answer; made once for all streams.

    A number is the time of the answer, so that a client which connects again can say what it has.
    """

    numbers: tuple[int, ...]
    films: tuple[str, ...]
    data: bytes

    @classmethod
    def of(cls, films: Sequence[AnsweredFilm], image_base_url: str) -> Self:
        """The event that tells of these films."""
        return cls._made(
            [(film.answered_at - _EPOCH) // _MICROSECOND for film in films],
            [film_answer(film, image_base_url).model_dump_json() for film in films],
        )

    @classmethod
    def _made(cls, numbers: Sequence[int], films: Sequence[str]) -> Self:
        newest = max(numbers, default=None)
        data = event("films", f'{{"films":[{",".join(films)}]}}', newest)
        return cls(tuple(numbers), tuple(films), data)

    def after(self, number: int) -> Self:
        """Those that were answered after that."""
        kept = [at for at, its in enumerate(self.numbers) if its > number]
        return self._made([self.numbers[at] for at in kept], [self.films[at] for at in kept])

    def before(self, older: Films | None) -> Self:
        """These and, behind them, those that could not be sent yet; as many as an event has."""
        if older is None:
            return self
        numbers, films = self.numbers + older.numbers, self.films + older.films
        return self._made(numbers[:MOST_FILMS], films[:MOST_FILMS])


class Stream:
    """What one client has still to be sent.

    Args:
        seen: the number of the newest films that the client has, from an earlier stream.
        abort: ends the connection, when it must end while the client takes nothing.
    """

    __slots__ = (
        "_abort",
        "_ended",
        "_films",
        "_fleet",
        "_last",
        "_some",
        "_status",
        "_writing",
        "done",
        "seen",
        "settled",
    )

    def __init__(self, seen: int | None, abort: Callable[[], None]) -> None:
        self.seen = seen
        self.settled = False
        """Whether it was told how everything stands; from then on it is told what changes."""
        self.done = False
        """Whether the last was taken."""
        self._ended = False
        self._abort = abort
        self._some = asyncio.Event()
        self._writing = False
        self._status = b""
        self._fleet = b""
        self._films: Films | None = None
        self._last = b""

    def put(self, *, status: bytes = b"", fleet: bytes = b"", films: Films | None = None) -> None:
        """Have this sent, in place of what was not yet sent of the kind."""
        self._status = status or self._status
        self._fleet = fleet or self._fleet
        if films is not None:
            self._films = films.before(self._films)
        self._some.set()

    def end(self, last: bytes = b"") -> None:
        """End the stream after what waits and this; at once, if the client takes nothing."""
        self._ended = True
        self._last = last
        self._some.set()
        if self._writing:
            self._abort()

    async def take(self, heartbeat: float) -> bytes:
        """What is to be sent next; a heartbeat, where nothing comes for so many seconds."""
        self._writing = False
        try:
            async with asyncio.timeout(heartbeat):
                await self._some.wait()
        except TimeoutError:
            data = HEARTBEAT
        else:
            films = self._films.data if self._films else b""
            data = self._status + self._fleet + films + self._last
            self._status = self._fleet = b""
            self._films = None
            self._some.clear()
            self.done = self._ended
        self._writing = True
        return data
