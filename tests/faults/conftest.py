"""What the fault tests share: one ground to break things on, and the bill at the end."""

from __future__ import annotations

import shutil
import signal
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import migrate
from local_stack.stack import StandIn
from tests.conftest import PAID_TWICE
from tests.support.driving import LIMIT, MADE_UP, create_database, made_up_films, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver


@pytest.fixture
def bill(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """Notes how many films a test paid for twice, so that the run's summary says it."""

    def note(films: int) -> int:
        request.node.user_properties.append((PAID_TWICE, films))
        return films

    return note


class Ground:
    """A server of its own, the API and a stand-in; daemons come and go with the tests."""

    def __init__(self, postgres: EmbeddedPostgres, driver: Driver) -> None:
        self.postgres = postgres
        self.driver = driver

    @asynccontextmanager
    async def without_database(self, how: signal.Signals) -> AsyncIterator[None]:
        """End the server, and start it again afterwards."""
        await self.postgres.stop(how)
        try:
            yield
        finally:
            await self.postgres.start()

    async def clear(self) -> None:
        """Forget what earlier tests left, even one that failed half-way."""
        if not self.driver.stack.api.running:
            await self.driver.stack.api.start()
        await self.driver.speed_up()
        await self.driver.fetch("truncate sessions, lookups, catalogue cascade")
        await self.driver.fetch(
            """
            update fleet
            set tmdb_state = 'up', tmdb_probe_at = null, tmdb_probes = 0, paused_since = null
            """
        )
        self.driver.sessions.clear()
        await self.driver.begin()


@pytest.fixture(scope="session")
async def ground() -> AsyncIterator[Ground]:
    """Both services' surroundings, started once: starting them takes longer than most tests."""
    folder = Path(tempfile.mkdtemp(prefix="projectionist-faults-"))
    stand_in = StandIn(films=MADE_UP, limit=LIMIT, period=1.0)
    async with EmbeddedPostgres(folder / "postgres", durable=False) as postgres:
        dsn = await create_database(postgres)
        await migrate(dsn)
        async with running(dsn, folder, stand_in=stand_in, daemons=0) as driver:
            yield Ground(postgres, driver)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def driver(ground: Ground) -> AsyncIterator[Driver]:
    """Everything but a daemon; the daemons that a test adds end with it."""
    await ground.clear()
    stack = ground.driver.stack
    there = list(stack.workers)
    yield ground.driver
    for worker in stack.workers:
        if worker not in there and worker.running:
            worker.send_signal(signal.SIGCONT)
            await worker.stop()


@pytest.fixture(scope="session")
def films() -> list[Film]:
    """Plain films that the stand-in knows, well over two thousand."""
    return made_up_films()
