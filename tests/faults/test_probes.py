"""Probes of real processes: red when something is the matter with the process, and only then."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import aiohttp
import pytest

from local_stack.processes import Program, free_port
from local_stack.stack import STAND_IN_KEY
from tests.support.blockable import STANDSTILL_SECONDS
from tests.support.driving import plain_films, until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.conftest import RunningStandIn
    from tests.support.driving import Driver

ASKED_SECONDS = STANDSTILL_SECONDS / 4
"""As long as an orchestrator would wait for an answer, or a little less."""


class Probed:
    """A service, asked as an orchestrator does."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self._url = url
        self._http = http

    async def says(self, path: str) -> tuple[int, str | None]:
        """The status and the reason, if there is one."""
        async with self._http.get(f"{self._url}{path}") as response:
            return response.status, (await response.json()).get("reason")

    async def is_green(self, path: str) -> bool:
        """Whether it is passed."""
        return (await self.says(path))[0] == 200


def service(name: str, settings: Mapping[str, str], folder: Path) -> Program:
    """A service whose loop can be made to stand still."""
    port = str(free_port())
    own = {"API_PORT": port, "WORKER_PORT": port, "TMDB_API_KEY": STAND_IN_KEY}
    return Program(
        *("tests.support.blockable", name),
        env=own | dict(settings),
        ready=f"http://127.0.0.1:{port}/readyz",
        log=folder / f"{name}.log",
    )


@pytest.mark.parametrize("name", ["api_service", "enrich_service"])
async def test_a_loop_that_stands_still_answers_no_probe_until_it_turns_again(
    dsn: str, tmdb: RunningStandIn, tmp_path: Path, name: str
) -> None:
    settings = {"DATABASE_URL": dsn, "TMDB_BASE_URL": tmdb.url}
    async with (
        service(name, settings, tmp_path) as program,
        aiohttp.ClientSession() as http,
    ):
        probed = Probed(program.url, http)
        assert await probed.is_green("/livez")

        async def stands_still() -> bool:
            program.send_signal(signal.SIGUSR1)  # each time: this test may stand still longer
            try:
                async with asyncio.timeout(ASKED_SECONDS):
                    await probed.says("/livez")
            except TimeoutError:
                return True
            return False

        await until(stands_still)
        for path in ("/livez", "/readyz"):
            assert await probed.is_green(path), path
        assert await program.stop() == 0


async def test_a_tick_that_did_not_come_is_told_as_soon_as_the_loop_turns(
    dsn: str, tmdb: RunningStandIn, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": dsn, "TMDB_BASE_URL": tmdb.url, "ENRICH_INTERVAL": "0.2"}
    async with (
        service("enrich_service", settings, tmp_path) as program,
        aiohttp.ClientSession() as http,
    ):
        probed = Probed(program.url, http)
        await until(lambda: _works(program, http))

        async def tells_of_it() -> bool:
            program.send_signal(signal.SIGUSR1)
            return await probed.says("/livez") == (503, "the tick is overdue")

        await until(tells_of_it)
        await until(lambda: probed.is_green("/livez"))
        assert await program.stop() == 0


async def _works(program: Program, http: aiohttp.ClientSession) -> bool:
    async with http.get(f"{program.url}/worker/status") as response:
        return bool((await response.json())["running"])


async def test_a_daemon_that_drains_is_alive_and_not_ready(driver: Driver) -> None:
    daemon = await driver.stack.add_daemon(DRAIN_SECONDS="10")
    probed = Probed(daemon.url, driver.http)
    await driver.go_wrong({"match": "/3/", "kind": "delay", "seconds": 3})
    await driver.upload(plain_films(1))
    await until(driver.claims)
    daemon.send_signal(signal.SIGTERM)

    async def drains() -> bool:
        return await probed.says("/readyz") == (503, "draining")

    await until(drains)
    assert await probed.says("/livez") == (200, None)
    assert await daemon.stop() == 0


async def test_tmdbs_troubles_turn_no_probe_red(driver: Driver) -> None:
    daemon = await driver.stack.add_daemon()
    await driver.upload(plain_films(2))
    for status, state in ((503, "down"), (401, "refused")):
        await driver.go_wrong({"match": "/3/", "kind": "status", "status": status})
        await driver.upload(plain_films(4))
        await driver.tmdb_is(state)
        for url in (driver.stack.api_url, daemon.url):
            probed = Probed(url, driver.http)
            for path in ("/livez", "/readyz", "/health"):
                assert await probed.says(path) == (200, None), f"{url}{path}"
