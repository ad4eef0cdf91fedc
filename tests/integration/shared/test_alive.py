"""The image's health check, run as a container runs it, against what really listens or does not."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from local_stack.processes import ROOT, free_port
from shared.alive import PORTS
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def check(*arguments: str, **env: object) -> tuple[int, str]:
    """Its exit status and what it said; nobody listens on a port that is not named."""
    ports = {f"{service}_PORT": free_port() for service in PORTS} | env
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "shared.alive", *arguments],
        cwd=ROOT,
        env={**os.environ, **{name: str(value) for name, value in ports.items()}},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@asynccontextmanager
async def answering(
    status: HTTPStatus | None, path: str = "/livez", host: str = "127.0.0.1"
) -> AsyncIterator[int]:
    """A port on which something answers with this status, or hangs up."""

    async def answer(request: web.Request) -> web.Response:
        if status is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return web.Response(status=status, text="the tick is overdue")

    app = web.Application()
    app.router.add_get(path, answer)
    async with TestServer(app, host=host) as server:
        assert server.port is not None
        yield server.port


@pytest.mark.parametrize("service", PORTS)
async def test_whichever_service_is_in_the_container_is_asked(service: str) -> None:
    async with answering(HTTPStatus.OK) as port:
        assert await check(**{f"{service}_PORT": port}) == (0, "")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])  # noqa: S104  # as containers say it
async def test_listening_everywhere_is_listening_here(host: str) -> None:
    here = "::1" if host == "::" else "127.0.0.1"
    if host == "::" and not _has_ipv6():
        pytest.skip("this machine has no IPv6 loopback address")
    async with answering(HTTPStatus.OK, host=here) as port:
        assert await check(API_HOST=host, API_PORT=port) == (0, "")


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


async def test_a_service_that_is_not_live_fails_with_its_reason() -> None:
    async with answering(HTTPStatus.SERVICE_UNAVAILABLE) as port:
        status, said = await check(WORKER_PORT=port)
    assert (status, "503 the tick is overdue" in said) == (1, True), said


async def test_a_service_that_hangs_up_fails_without_a_traceback() -> None:
    async with answering(None) as port:
        status, said = await check(API_PORT=port)
    assert (status, "Traceback" in said) == (1, False), said
    assert "127.0.0.1" in said


async def test_nobody_listening_fails() -> None:
    status, said = await check()
    assert (status, "nobody listens" in said) == (1, True), said


async def test_another_address_is_asked_alone() -> None:
    async with answering(HTTPStatus.OK, "/report") as port, answering(HTTPStatus.OK) as live:
        assert await check(f"http://127.0.0.1:{port}/report") == (0, "")
        assert (await check(f"http://127.0.0.1:{port}/livez", API_PORT=live))[0] == 1


def test_the_ports_are_the_settings_own() -> None:
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert {
        service: str(defaults[f"{service.lower()}_port"]) for service in ("API", "WORKER")
    } == PORTS
