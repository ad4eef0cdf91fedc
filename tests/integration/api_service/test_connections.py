"""More connections than are granted are refused; closed ones and unread ones free their places."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from api_service.app import create_app
from api_service.context import CONNECTIONS
from api_service.limits import connections
from api_service.limits.connections import BoundedSite
from local_stack.processes import Program, free_port
from local_stack.stack import LIFTED
from tests.support.driving import until
from tests.support.exposition import PREFIX, Exposition

if TYPE_CHECKING:
    from pathlib import Path

    from shared.settings import Settings

REQUEST = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[..., Awaitable[Line]]


@asynccontextmanager
async def listening(settings: Settings, **changes: object) -> AsyncIterator[BoundedSite]:
    """The API on a port of its own, within these limits."""
    settings = settings.model_copy(update=changes)
    app = create_app(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = BoundedSite(runner, "127.0.0.1", 0, app[CONNECTIONS])
        await site.start()
        yield site
    finally:
        await runner.cleanup()


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Opens connections, which are closed after the test."""
    opened: list[Line] = []

    async def open_one(port: int, source: str = "127.0.0.1") -> Line:
        line = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        opened.append(line)
        return line

    yield open_one
    for _, writer in opened:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def answer(line: Line) -> tuple[int, dict[str, object]]:
    """What the service says, if need be without being asked."""
    reader, _ = line
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(
        int(value)
        for name, _, value in (row.partition(": ") for row in head.splitlines())
        if name.lower() == "content-length"
    )
    body = await reader.readexactly(length)
    return int(head.split()[1]), json.loads(body) if b"{" in body else {}


async def is_served(line: Line) -> bool:
    line[1].write(REQUEST)
    status, _ = await answer(line)
    return status == 200


async def test_one_client_has_no_more_connections_than_it_may(
    settings: Settings, connect: Connect
) -> None:
    async with listening(settings, client_connections=2, max_connections=0) as site:
        held = [await connect(site.port) for _ in range(2)]
        assert [await is_served(line) for line in held] == [True, True]
        refused = await connect(site.port)
        status, problem = await answer(refused)
        assert (status, problem["code"], problem["limit"]) == (429, "client_limit", "connections")
        assert await refused[0].read() == b"", "and closed"
        assert await is_served(await connect(site.port, "127.0.0.2")), "another client"
        held[0][1].close()
        await until(lambda: site.limits.open == 2)
        assert await is_served(await connect(site.port))


async def test_all_clients_together_have_no_more_than_the_cap(
    settings: Settings, connect: Connect
) -> None:
    async with listening(settings, client_connections=0, max_connections=2) as site:
        held = [await connect(site.port, f"127.0.0.{number}") for number in (2, 3)]
        assert [await is_served(line) for line in held] == [True, True]
        status, problem = await answer(await connect(site.port, "127.0.0.4"))
        assert (status, problem["code"], problem["limit"]) == (503, "service_full", "connections")


async def test_a_trusted_proxy_may_have_more_than_a_client(
    settings: Settings, connect: Connect
) -> None:
    changes = {"client_connections": 1, "trusted_proxies": "127.0.0.9"}
    async with listening(settings, **changes) as site:
        held = [await connect(site.port, "127.0.0.9") for _ in range(3)]
        assert [await is_served(line) for line in held] == [True] * 3


async def test_a_connection_whose_peer_reads_nothing_is_ended(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "UNREAD_SECONDS", 0.5)
    async with listening(settings) as site:
        peer = socket.socket()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(peer, ("127.0.0.1", site.port))
        # More than the buffers of both sides hold.
        asks = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200
        await loop.sock_sendall(peer, asks)
        await until(lambda: site.limits.open == 1)
        await until(lambda: site.limits.open == 0)
        peer.close()


async def test_refused_connections_are_counted_and_logged_once(
    dsn: str, tmp_path: Path, connect: Connect
) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    log = tmp_path / "api.log"
    env = LIFTED | {"DATABASE_URL": dsn, "API_PORT": str(port), "CLIENT_CONNECTIONS": "3"}
    async with (
        Program("api_service", env=env, ready=f"{url}/readyz", log=log) as program,
        aiohttp.ClientSession(url) as client,
    ):
        lines = [await connect(port, "127.0.0.5") for _ in range(6)]
        said = [await answer(line) for line in lines[3:]]
        assert [status for status, _ in said] == [429, 429, 429]
        async with client.get("/metrics") as response:
            exposition = Exposition(await response.text())
        assert exposition.value(f"{PREFIX}connections_refused_total", code="client_limit") == 3
        assert exposition.value(f"{PREFIX}requests_refused_total", code="client_limit") == 0
        assert exposition.value(f"{PREFIX}http_connections") == 4
        assert program.running
        assert await program.stop() == 0
    refusals = [json.loads(row) for row in log.read_text("utf-8").splitlines() if "refused" in row]
    assert [(row["event"], row["code"]) for row in refusals] == [
        ("connection_refused", "client_limit")
    ]
