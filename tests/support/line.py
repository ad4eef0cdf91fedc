"""A line between a service and what it talks to, which a test can cut and heal."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Self

    Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]

POSTGRES_PORT = 5432
_CHUNK = 64 * 1024


class Cut(StrEnum):
    """How a line is cut."""

    RESET = "reset"
    """Every connection is reset, and so is each new one."""
    SILENCE = "silence"
    """What is sent arrives nowhere and nobody is told, as when a router has forgotten the
    connections: these stay silent after the line is healed, only new ones work."""
    DELAY = "delay"
    """What is sent arrives when the line is healed, as TCP does it after a short partition; also
    what somebody sent who has left meanwhile."""


@dataclass(eq=False, slots=True)
class _Connection:
    silent: bool
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def reset(self) -> None:
        for writer in self.writers:
            wire = writer.get_extra_info("socket")
            # Lingering for no time at all makes the kernel send RST in place of FIN.
            if wire.fileno() >= 0:  # else it has been closed, and is about to be forgotten
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


class Line:
    """A TCP proxy on a port of the loopback address.

    Args:
        connect: opens a connection to the other end.
    """

    def __init__(self, connect: Callable[[], Awaitable[Ends]]) -> None:
        self.port = 0
        self._connect = connect
        self._how: Cut | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self, how: Cut) -> None:
        """Cut it, until it is healed."""
        self._how = how
        match how:
            case Cut.RESET:
                for connection in self._connections:
                    connection.reset()
            case Cut.SILENCE:
                for connection in self._connections:
                    connection.silent = True
            case Cut.DELAY:
                self._flowing.clear()

    def heal(self) -> None:
        """Let it work again."""
        self._how = None
        self._flowing.set()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self._how is Cut.SILENCE, [writer])
        if self._how is Cut.RESET:
            connection.reset()
            return
        task = asyncio.create_task(self._carry(connection, (reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, connection: _Connection, near: Ends) -> None:
        self._connections.add(connection)
        try:
            await self._flowing.wait()
            if connection.silent:
                await self._pump(connection, near[0], near[1])
            far = await self._connect()
            connection.writers.append(far[1])
            await _first(
                self._pump(connection, near[0], far[1]), self._pump(connection, far[0], near[1])
            )
        except OSError:
            pass  # one end has left
        finally:
            self._connections.discard(connection)
            for writer in connection.writers:
                writer.close()

    async def _pump(
        self, connection: _Connection, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        """Carry bytes one way until the source ends; over a silent connection for ever."""
        while data := await source.read(_CHUNK):
            await self._flowing.wait()
            if not connection.silent:
                sink.write(data)
                await sink.drain()
        await self._flowing.wait()
        if connection.silent:
            await asyncio.get_running_loop().create_future()


async def _first(*ways: Awaitable[None]) -> None:
    """Wait until one of them ends, and end the others."""
    tasks = [asyncio.ensure_future(way) for way in ways]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def line_to_database(dsn: str) -> Line:
    """A line to a server that listens on a Unix socket only."""
    (folder,) = parse_qs(urlsplit(dsn).query)["host"]
    return Line(lambda: asyncio.open_unix_connection(f"{folder}/.s.PGSQL.{POSTGRES_PORT}"))


def address_over(line: Line, dsn: str) -> str:
    """The address of the same database over the line."""
    address = urlsplit(dsn)
    return f"postgresql://{address.netloc}127.0.0.1:{line.port}{address.path}"


def line_to_tmdb(url: str) -> Line:
    """A line to the stand-in."""
    address = urlsplit(url)
    return Line(lambda: asyncio.open_connection(address.hostname, address.port))
