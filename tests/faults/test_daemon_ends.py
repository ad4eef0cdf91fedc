"""Daemons that are killed, asked to stop, or stand still: nothing is lost or counted twice."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.driving import CONCURRENCY, running, until
from tests.support.watching import RESUMED_SECONDS, held_by, id_of, longest_rest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local_stack.processes import Program
    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

    Bill = Callable[[int], int]

DRAIN_SECONDS = 8.0
"""A fifth of it must do for giving back what was not finished, on a busy machine too."""
LONG_DRAIN_SECONDS = 50.0
"""Much longer than what is in flight takes."""


async def test_a_killed_daemon_is_replaced_and_nothing_is_lost(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    await driver.slow_down()
    killed = await driver.stack.add_daemon()
    session_id = await driver.upload(films[:200])
    await driver.ended(session_id, 60)
    await killed.kill()
    orphans = await driver.claims()
    assert orphans > 0, "it was killed with work in its hands"
    await driver.speed_up()
    await driver.stack.add_daemon()

    status = await driver.completed(session_id)

    assert status["enriched_count"] == 200
    await driver.audit()
    assert await longest_rest(driver) < RESUMED_SECONDS
    assert sum(event["count"] for event in driver.events("claims_reclaimed")) == orphans
    assert bill(await driver.paid_twice()) <= orphans


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_a_daemon_that_is_stopped_under_load_leaves_no_claim(
    driver: Driver, films: list[Film], bill: Bill, number: signal.Signals
) -> None:
    await driver.slow_down()
    stopped = await driver.stack.add_daemon(DRAIN_SECONDS=str(LONG_DRAIN_SECONDS))
    session_id = await driver.upload(films[:200])
    await driver.ended(session_id, 60)
    worker_id = driver.events("worker_started")[0]["worker_id"]
    assert await driver.claims() > 0

    start = time.monotonic()
    assert await stopped.end(number) == 0
    assert time.monotonic() - start < LONG_DRAIN_SECONDS

    assert await driver.claims() == 0
    assert await driver.fetch("select from workers where id = $1::text::uuid", worker_id) == []
    assert not driver.events("claims_given_back"), "all in flight was finished"
    await driver.speed_up()
    await driver.stack.add_daemon()
    status = await driver.completed(session_id)
    assert status["enriched_count"] == 200
    await driver.audit()
    assert bill(await driver.paid_twice()) == 0


async def test_what_cannot_be_finished_within_the_drain_time_is_given_back(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    stopped = await driver.stack.add_daemon(DRAIN_SECONDS=str(DRAIN_SECONDS))
    await driver.go_wrong({"match": "/3/", "kind": "hang"})
    session_id = await driver.upload(films[:60])
    await until(lambda: _claimed(driver, CONCURRENCY))

    start = time.monotonic()
    assert await stopped.stop() == 0
    assert time.monotonic() - start < DRAIN_SECONDS

    assert await driver.claims() == 0
    (given_back,) = driver.events("claims_given_back")
    assert given_back["count"] == CONCURRENCY
    assert await driver.value("select max(attempts) from lookups") == 0
    await driver.go_wrong()
    await driver.stack.add_daemon()
    status = await driver.completed(session_id)
    assert status["enriched_count"] == 60
    await driver.audit()
    assert bill(await driver.paid_twice()) <= CONCURRENCY


async def test_results_of_a_daemon_that_stood_still_change_nothing(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    await driver.slow_down()
    stopped = await driver.stack.add_daemon()
    await driver.stack.add_daemon()
    session_id = await driver.upload(films[:120])
    await driver.ended(session_id, 30)
    held = await _freeze(driver, stopped)
    await driver.speed_up()
    # Its silence is made older, so that its claims are given back while its requests could still
    # be answered: only so do late results come.
    await driver.fetch(
        """
        update workers set heartbeat_at = heartbeat_at - interval '1 minute'
        where id = $1::text::uuid
        """,
        id_of(driver, stopped),
    )
    await driver.completed(session_id)
    before = await _everything(driver)

    stopped.send_signal(signal.SIGCONT)

    await until(lambda: _settled(driver, held))
    assert driver.events("claim_lost"), "some results came late"
    assert await _everything(driver) == before
    await driver.audit()
    assert 0 < bill(await driver.paid_twice()) <= CONCURRENCY
    assert await stopped.stop() == 0


async def test_a_daemon_that_stood_still_for_long_works_again(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    await driver.slow_down()
    stopped = await driver.stack.add_daemon()
    other = await driver.stack.add_daemon()
    first = await driver.upload(films[:60])
    await until(lambda: _claimed(driver, CONCURRENCY))  # all connections that the two share
    stopped.send_signal(signal.SIGSTOP)
    assert await held_by(driver, id_of(driver, stopped)) > 0, "it stands still with work in hand"
    await driver.speed_up()
    status = await driver.completed(first)  # after the 12 seconds for which it may be silent
    assert status["enriched_count"] == 60
    assert await longest_rest(driver) < RESUMED_SECONDS

    stopped.send_signal(signal.SIGCONT)
    assert await other.stop() == 0

    second = await driver.upload(films[60:120])
    status = await driver.completed(second)
    assert status["enriched_count"] == 60
    await driver.audit()
    assert bill(await driver.paid_twice()) <= CONCURRENCY


async def test_both_services_end_well_on_ctrl_c(dsn: str, tmp_path: Path) -> None:
    async with running(dsn, tmp_path) as driver:
        programs = (driver.stack.api, driver.stack.workers[0])
        assert await asyncio.gather(*(one.end(signal.SIGINT) for one in programs)) == [0, 0]
        for log in ("api.log", "enrich.log"):
            assert "Traceback" not in (driver.stack.folder / log).read_text()


async def _claimed(driver: Driver, count: int) -> bool:
    return await driver.claims() == count


async def _settled(driver: Driver, count: int) -> bool:
    """Whether so many films ended in vain: saved too late, or, later still, without an answer."""
    names = ("claim_lost", "lookup_released", "lookup_retry")
    return sum(len(driver.events(name)) for name in names) == count


async def _freeze(driver: Driver, daemon: Program) -> int:
    """Stop a daemon between two transactions, so that it holds no locks; how many claims it holds.

    A frozen transaction is ended by the server only after ten seconds; that is another test's.
    """
    while True:
        daemon.send_signal(signal.SIGSTOP)
        busy = await driver.value(
            """
            select count(*) filter (where state <> 'idle')
            from pg_stat_activity
            where datname = current_database() and application_name = 'projectionist-enrich'
            """
        )
        held = await held_by(driver, id_of(driver, daemon))
        if held and not busy:
            return held
        daemon.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.01)


async def _everything(driver: Driver) -> list[object]:
    """All that a late result could change."""
    return [
        *await driver.fetch("select * from lookups order by id"),
        *await driver.fetch("select * from sessions order by id"),
        *await driver.fetch("select * from session_counts order by session_id, n"),
        *await driver.fetch("select tmdb_id, fetched_at from catalogue order by tmdb_id"),
    ]
