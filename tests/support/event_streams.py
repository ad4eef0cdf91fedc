"""Reads a stream of Server-Sent Events from a test, as a browser does."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.support.described import check_item
from tests.support.driving import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its name, what it says, and the id that came with it or before."""

    name: str
    data: dict[str, Any]
    last_id: str | None


@dataclass
class EventStream:
    """What has come so far, and whether it has ended."""

    response: aiohttp.ClientResponse
    events: list[Event] = field(default_factory=list)
    comments: int = 0
    retry: int | None = None
    ended: bool = False
    broken: bool = False
    """Whether it ended without the end of its body."""

    def of(self, name: str) -> list[dict[str, Any]]:
        """What the events of one name said."""
        return [event.data for event in self.events if event.name == name]

    def last(self, name: str) -> dict[str, Any]:
        """What the newest event of a name said; nothing where there is none."""
        return (self.of(name) or [{}])[-1]

    def films(self) -> list[dict[str, Any]]:
        """The films told of, in the order in which they were."""
        return [film for data in self.of("films") for film in reversed(data["films"])]

    async def until(self, condition: Callable[[], object], *, seconds: float = 20.0) -> None:
        """Wait until it has told something."""
        await until(condition, seconds=seconds)

    async def until_status(self, **wanted: object) -> dict[str, Any]:
        """Wait until the newest status has these values."""
        await self.until(lambda: wanted.items() <= self.last("status").items())
        return self.last("status")

    async def until_fleet(self, **wanted: object) -> dict[str, Any]:
        """Wait until the fleet was last told to have these values."""
        await self.until(lambda: wanted.items() <= self.last("fleet").items())
        return self.last("fleet")

    async def until_films(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many films were told of."""
        await self.until(lambda: len(self.films()) >= count)
        return self.films()

    async def until_ended(self) -> None:
        """Wait until the service has ended it."""
        await self.until(lambda: self.ended)

    async def begun(self) -> None:
        """Wait until it has told how everything stands."""
        await self.until(lambda: self.of("status") and self.of("fleet"))

    async def read(self) -> None:
        """Read until the end."""
        name, data = "", ""
        last_id: str | None = None
        try:
            async for line in self.response.content:
                key, _, value = line.decode().rstrip("\n").partition(":")
                match key, value.removeprefix(" "):
                    case "", "" if line == b"\n":
                        if data:
                            check_item("get_events", "text/event-stream", name, data.encode())
                            self.events.append(Event(name, json.loads(data), last_id))
                        name = data = ""
                    case "", _:
                        self.comments += 1
                    case "event", text:
                        name = text
                    case "data", text:
                        data = text
                    case "id", text:
                        last_id = text
                    case "retry", milliseconds:
                        self.retry = int(milliseconds)
                    case _:
                        raise AssertionError(f"no line of an event: {line!r}")
        except (aiohttp.ClientPayloadError, aiohttp.ClientConnectionError):
            self.broken = True
        self.ended = True


@asynccontextmanager
async def following(response: aiohttp.ClientResponse) -> AsyncIterator[EventStream]:
    """Read a stream on the side while it is entered."""
    assert response.status == 200, await response.text()
    assert response.content_type == "text/event-stream"
    stream = EventStream(response)
    reading = asyncio.create_task(stream.read())
    try:
        yield stream
    finally:
        response.close()
        reading.cancel()
        await asyncio.wait([reading])
    assert reading.cancelled() or reading.exception() is None, reading.exception()
