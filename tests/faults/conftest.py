"""What the fault tests share: a server of their own to restart, and the bill at the end."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import migrate
from tests.driving import create_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

BILL = pytest.StashKey[dict[str, int]]()


@pytest.fixture
def bill(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """Notes how many films a test paid for twice, so that the run's summary says it."""
    kept = request.config.stash.setdefault(BILL, {})

    def note(films: int) -> int:
        kept[request.node.name] = films
        return films

    return note


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how many films each test paid for twice."""
    if kept := config.stash.get(BILL, {}):
        terminalreporter.section("films paid for twice")
        for name, twice in kept.items():
            terminalreporter.line(f"{twice:4}  {name}")


@pytest.fixture(scope="session")
async def own_postgres() -> AsyncIterator[EmbeddedPostgres]:
    """A server that tests may stop and crash, apart from everybody else's."""
    folder = Path(tempfile.mkdtemp(prefix="projectionist-faults-"))
    async with EmbeddedPostgres(folder / "postgres", durable=False) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def own_dsn(own_postgres: EmbeddedPostgres) -> str:
    """A migrated database of that server."""
    dsn = await create_database(own_postgres)
    await migrate(dsn)
    return dsn


@pytest.fixture
async def empty_dsn(own_postgres: EmbeddedPostgres) -> str:
    """A database without any schema."""
    return await create_database(own_postgres)
