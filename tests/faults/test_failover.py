"""PostgreSQL failing over to a standby: the services find the new primary by themselves."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import free_port, migrate
from local_stack.stack import StandIn
from tests.support import installed
from tests.support.driving import CONCURRENCY, MADE_UP, running, title_list, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

    Bill = Callable[[int], int]

CRASH = signal.SIGQUIT
RESUME_SECONDS = 25.0
MARGIN = 0.5
"""A wide one: on a busy machine a request may be a while on its way."""


class Pair:
    """A primary, its streaming standby, and an address that names both."""

    def __init__(self, primary: EmbeddedPostgres, standby: EmbeddedPostgres) -> None:
        self.primary = primary
        self.standby = standby
        self.dsn = f"postgresql://postgres@{primary.address},{standby.address}/postgres"

    async def make_synchronous(self) -> None:
        """From now on nothing is acknowledged that the standby has not got."""
        await _run(self.primary, "alter system set synchronous_standby_names = '*'")
        await _run(self.primary, "select pg_reload_conf()")
        state = "select count(*) from pg_stat_replication where sync_state = 'sync'"
        await until(lambda: _run(self.primary, state))

    async def cut(self) -> None:
        """From now on the standby hears nothing more."""
        await _run(self.standby, "alter system set primary_conninfo = ''")
        await _run(self.standby, "select pg_reload_conf()")
        await until(lambda: _run(self.primary, "select count(*) = 0 from pg_stat_replication"))

    async def fail_over(self) -> None:
        """Let the primary crash, and the standby take its place."""
        await self.primary.stop(CRASH)
        assert await _run(self.standby, "select pg_promote()")


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """Two servers of the oldest version that is there, the schema in both."""
    programs = installed.postgresql()
    folder = Path(tempfile.mkdtemp(prefix="projectionist-pair-"))
    primary = EmbeddedPostgres(
        folder / "primary", durable=False, programs=programs, port=free_port()
    )
    async with primary:
        standby = EmbeddedPostgres(
            folder / "standby",
            durable=False,
            programs=programs,
            port=free_port(),
            follows=primary,
        )
        async with standby:
            servers = Pair(primary, standby)
            await migrate(servers.dsn)
            yield servers
    shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def two_daemons(pair: Pair, folder: Path, budget: StandIn) -> AsyncIterator[Driver]:
    """Both services over the pair, with answers that take their time."""
    async with running(
        pair.dsn, folder, stand_in=budget, daemons=2, TMDB_RATE_MARGIN=str(MARGIN)
    ) as driver:
        await driver.slow_down()
        yield driver


async def test_the_standby_takes_over_and_nothing_acknowledged_is_lost(
    pair: Pair, films: list[Film], tmp_path: Path, bill: Bill
) -> None:
    budget = StandIn(films=MADE_UP, limit=600, period=10.0)
    async with two_daemons(pair, tmp_path, budget) as driver:
        # What is acknowledged is on the standby too: otherwise the newest uploads and results may
        # be lost with the primary, whatever the services do.
        await pair.make_synchronous()
        await driver.ended(await driver.upload(films[:200]), 80)
        uploads = asyncio.create_task(_upload_all_the_time(driver, films[200:260]))
        await until(lambda: _in_flight(driver, CONCURRENCY))

        lost_at = time.time()
        await pair.fail_over()

        await uploads
        for session_id in list(driver.sessions):
            status = await driver.completed(session_id)
            assert status["enriched_count"] == status["total_movies"]
        await driver.audit()
        assert await _run(pair.standby, "select count(*) from lookups") == 260
        assert bill(await driver.paid_twice()) <= 2 * CONCURRENCY
        report = await driver.report()
        assert report["largest_window"] <= budget.limit
        assert report["refused_429"] == 0
        rest = _rest_after(lost_at, report["arrivals"])
        assert budget.period < rest <= RESUME_SECONDS
        assert not driver.events("request_crashed", "api.log")
        assert not driver.events("lookup_task_crashed")


async def test_a_standby_that_lacks_the_last_requests_lets_none_too_many_through(
    pair: Pair, films: list[Film], tmp_path: Path, bill: Bill
) -> None:
    """Without synchronous replication results are lost, and paid for again; the limit holds."""
    budget = StandIn(films=MADE_UP, limit=100, period=3.0)
    async with two_daemons(pair, tmp_path, budget) as driver:
        session_id = await driver.upload(films[:100])
        await driver.ended(session_id, 20)
        await pair.cut()
        await until(lambda: _lacks(pair, budget.limit // 2))

        lost_at = time.time()
        await pair.fail_over()

        status = await driver.completed(session_id)
        assert status["enriched_count"] == 100
        await driver.audit()
        bill(await driver.paid_twice())
        report = await driver.report()
        assert report["largest_window"] <= budget.limit
        assert report["refused_429"] == 0
        assert budget.period < _rest_after(lost_at, report["arrivals"]) <= RESUME_SECONDS


async def _run(server: EmbeddedPostgres, statement: str, *args: object) -> Any:  # noqa: ANN401  # any SQL type
    """Run a statement on one of the servers; its value."""
    connection = await asyncpg.connect(server.dsn())
    try:
        return await connection.fetchval(statement, *args)
    finally:
        await connection.close()


async def _lacks(pair: Pair, requests: int) -> bool:
    """Whether the standby does not know of so many requests that were sent."""
    newest = await _run(pair.standby, "select max(n) from request_slots")
    unknown = await _run(pair.primary, "select max(n) - $1 from request_slots", newest)
    return bool(unknown >= requests)


async def _upload_all_the_time(driver: Driver, films: Sequence[Film]) -> None:
    """Small lists, one after the other, each sent until it is acknowledged."""
    for start in range(0, len(films), 5):
        body = title_list(films[start : start + 5])
        while True:
            answer = await driver.post_list(body, Idempotency_Key=f"list {start}")
            if answer.status == 201:
                break
            assert answer.status in {409, 503}
            await asyncio.sleep(0.2)


async def _in_flight(driver: Driver, least: int) -> bool:
    return await driver.claims() >= least


def _rest_after(lost_at: float, arrivals: list[float]) -> float:
    """Seconds until TMDB was asked again; what had its slot already is still on its way."""
    return min(at for at in arrivals if at > lost_at + 2 * MARGIN) - lost_at
