"""PgBouncer in transaction mode before PostgreSQL: all works, and a missing setting is told."""

from __future__ import annotations

import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from local_stack.processes import ProgramError, migrate
from local_stack.stack import StandIn
from tests.support import installed
from tests.support.driving import CONCURRENCY, LIMIT, MADE_UP, running, title_list, until
from tests.support.pooler import PgBouncer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

    Bill = Callable[[int], int]

RESUME_SECONDS = 25.0
NO_TICK = "600"
"""`ENRICH_INTERVAL` of daemons that nothing but a notification wakes."""
TOLERANT = (
    "ignore_startup_parameters = idle_in_transaction_session_timeout, jit, "
    "tcp_keepalives_idle, tcp_keepalives_interval, tcp_keepalives_count, "
    "default_transaction_isolation, search_path, lock_timeout, statement_timeout, "
    "log_parameter_max_length_on_error"
)
"""A PgBouncer that swallows the settings of a direct connection too, as some are told to."""


@asynccontextmanager
async def daemons_behind(
    bouncer: PgBouncer, folder: Path, *, daemons: int, **settings: str
) -> AsyncIterator[Driver]:
    budget = StandIn(films=MADE_UP, limit=LIMIT, period=1.0)
    async with running(bouncer.dsn, folder, stand_in=budget, daemons=daemons, **settings) as driver:
        yield driver


async def test_uploads_are_enriched_at_once_and_a_restart_of_pgbouncer_costs_nothing(
    dsn: str, tmp_path: Path, films: list[Film], bill: Bill
) -> None:
    async with (
        PgBouncer(installed.pgbouncer(), dsn) as bouncer,
        daemons_behind(
            bouncer, tmp_path, daemons=2, LISTEN_DATABASE_URL=dsn, ENRICH_INTERVAL=NO_TICK
        ) as driver,
    ):
        await until(lambda: _listening(driver))
        for start in range(0, 50, 10):
            session_id = await driver.upload(films[start : start + 10])
            await driver.completed(session_id)  # long before a tick would find it
        for start in (350, 355):
            added = await driver.call(
                *("POST", f"/api/session/{session_id}/upload"),
                data=title_list(films[start : start + 10]),
                headers={"Content-Type": "text/csv"},
            )
            assert added.status == 200, added
        assert (await driver.completed(session_id))["enriched_count"] == 25

        await driver.slow_down()
        session_id = await driver.upload(films[50:250])
        ended = 0
        for how in (signal.SIGINT, signal.SIGKILL):
            ended += 50
            await driver.ended(session_id, ended)
            asked = (await driver.report())["requests"]
            await bouncer.stop(how)
            answer = await driver.call("GET", f"/api/session/{session_id}/status")
            assert answer.status == 503
            lost_at = time.monotonic()
            await bouncer.start()
            await _asked(driver, asked + 2 * CONCURRENCY)
            assert time.monotonic() - lost_at < RESUME_SECONDS
        status = await driver.completed(session_id)

        assert status["enriched_count"] == 200
        await driver.audit()
        assert bill(await driver.paid_twice()) <= 2 * 2 * CONCURRENCY
        for log in ("api.log", "enrich.log"):
            assert not driver.events("pooler_found", log), "it was spoken of"
        assert not driver.events("request_crashed", "api.log")
        assert not driver.events("lookup_task_crashed")
        assert not driver.events("lookup_crashed")


async def test_a_pgbouncer_that_nobody_spoke_of_is_found_and_the_tick_does_the_work(
    dsn: str, tmp_path: Path, films: list[Film], bill: Bill
) -> None:
    """`LISTEN_DATABASE_URL` should name PostgreSQL itself, and is not set."""
    program = installed.pgbouncer()
    async with (
        PgBouncer(program, dsn) as strict,
        PgBouncer(program, dsn, more=TOLERANT) as tolerant,
        daemons_behind(strict, tmp_path, daemons=1, ENRICH_INTERVAL="1") as driver,
    ):
        await driver.stack.add_daemon(DATABASE_URL=tolerant.dsn)
        for start in range(0, 200, 50):
            status = await driver.completed(await driver.upload(films[start : start + 50]))
            assert status["enriched_count"] == 50
        await until(lambda: _told_that_it_is_deaf(driver))

        await driver.audit()
        assert bill(await driver.paid_twice()) == 0
        assert len(driver.events("pooler_found", "api.log")) == 1
        by_tolerant, by_strict = sorted(event["reason"] for event in driver.events("pooler_found"))
        assert "answers" in by_tolerant
        assert "unsupported startup parameter" in by_strict
        assert not driver.events("listener_connected")
        assert not driver.events("request_crashed", "api.log")
        assert not driver.events("lookup_task_crashed")


async def test_migrations_pass_pgbouncer_by(dsn: str) -> None:
    """The lock that they take belongs to a connection, and would stay behind on a shared one."""
    async with PgBouncer(installed.pgbouncer(), dsn) as bouncer:
        for _ in range(2):
            with pytest.raises(ProgramError, match="LISTEN_DATABASE_URL"):
                await migrate(bouncer.dsn)
        await migrate(bouncer.dsn, LISTEN_DATABASE_URL=dsn)


async def _listening(driver: Driver) -> bool:
    return len(driver.events("listener_connected")) == len(driver.stack.workers)


async def _told_that_it_is_deaf(driver: Driver) -> bool:
    lost = [event["error"] for event in driver.events("listener_lost")]
    told = [error for error in lost if "LISTEN_DATABASE_URL" in error]
    return len(told) >= len(driver.stack.workers)


async def _asked(driver: Driver, times: int) -> None:
    """Wait until TMDB was asked so many times in all."""

    async def often_enough() -> bool:
        return bool((await driver.report())["requests"] >= times)

    await until(often_enough)
