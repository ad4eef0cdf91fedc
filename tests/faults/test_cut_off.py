"""One daemon cut off, from TMDB or from PostgreSQL, while another works on; then healed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.driving import CONCURRENCY, until
from tests.support.line import Cut, address_over, line_to_database, line_to_tmdb
from tests.support.watching import RESUMED_SECONDS, held_by, id_of, longest_rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.processes import Program
    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

    Bill = Callable[[int], int]

LISTED = 900
"""More films than one daemon can do in the 20 seconds in which the other must be back."""
LISTED_FOR_LONG = 1400
"""The same where the daemon has to wait twice for an answer, ten seconds each, before it knows."""
SHORT_DRAIN_SECONDS, PARTING_SECONDS = 5.0, 4.0
"""A drain that is over before a heartbeat finds out the silence; and for how long a daemon that
nobody hears may try to sign off."""
OUT_SECONDS = 3.0
REST_SECONDS = 3.0
"""For which a fleet may rest that believes one of its daemons: a backoff of one, and some air."""


@pytest.mark.parametrize(
    ("how", "listed"),
    [
        pytest.param(Cut.RESET, LISTED, id="reset"),
        pytest.param(Cut.SILENCE, LISTED_FOR_LONG, id="silence", marks=pytest.mark.long),
    ],
)
async def test_a_daemon_cut_off_from_tmdb_leaves_the_films_to_the_others(
    *, driver: Driver, films: list[Film], bill: Bill, how: Cut, listed: int
) -> None:
    await driver.slow_down()
    async with line_to_tmdb(driver.stack.tmdb_url) as line:
        cut_off = await driver.stack.add_daemon(TMDB_BASE_URL=f"http://127.0.0.1:{line.port}")
        other = await driver.stack.add_daemon()
        session_id = await driver.upload(films[:listed])
        await _both_at_work(driver, cut_off, other)

        line.cut(how)
        await until(lambda: _holds_nothing(driver, cut_off))
        # From here on whatever it claims is one film too many.
        claimed = 0
        end = time.monotonic() + OUT_SECONDS
        while time.monotonic() < end:
            claimed += await held_by(driver, id_of(driver, cut_off))
        assert claimed == 0
        assert len(driver.events("lookup_released")) <= CONCURRENCY
        assert len(driver.events("tmdb_down")) == 1, "the fleet believed it once"

        line.heal()
        await until(lambda: _holds_something(driver, cut_off), seconds=RESUMED_SECONDS)
        await driver.speed_up()
        status = await driver.completed(session_id)

        assert status["enriched_count"] == listed
        await driver.audit()
        assert not driver.events("lookup_retry"), "no film was charged for it"
        assert await longest_rest(driver) < REST_SECONDS, "the other went on"
        assert bill(await driver.paid_twice()) <= CONCURRENCY
        assert await cut_off.stop() == 0


@pytest.mark.parametrize("how", list(Cut))
async def test_a_daemon_cut_off_from_postgresql_is_replaced_and_comes_back(
    driver: Driver, films: list[Film], bill: Bill, how: Cut
) -> None:
    await driver.slow_down()
    async with line_to_database(driver.stack.dsn) as line:
        cut_off = await driver.stack.add_daemon(DATABASE_URL=address_over(line, driver.stack.dsn))
        other = await driver.stack.add_daemon()
        session_id = await driver.upload(films[:LISTED])
        await _both_at_work(driver, cut_off, other)

        line.cut(how)
        # Its silence is made older: that 12 seconds of it are enough is shown elsewhere.
        await driver.fetch(
            """
            update workers
            set heartbeat_at = heartbeat_at - interval '1 minute'
            where id = $1::text::uuid
            """,
            id_of(driver, cut_off),
        )
        await until(lambda: _holds_nothing(driver, cut_off))
        await until(lambda: _rescued(driver))

        line.heal()
        await until(lambda: _holds_something(driver, cut_off), seconds=RESUMED_SECONDS)
        await driver.speed_up()
        status = await driver.completed(session_id)

        assert status["enriched_count"] == LISTED
        await driver.audit()
        assert await longest_rest(driver) < REST_SECONDS, "the other went on"
        assert bill(await driver.paid_twice()) <= CONCURRENCY
        assert await cut_off.stop() == 0


@pytest.mark.long
async def test_a_daemon_that_is_stopped_while_postgresql_is_silent_ends_all_the_same(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    await driver.slow_down()
    async with line_to_database(driver.stack.dsn) as line:
        cut_off = await driver.stack.add_daemon(
            DATABASE_URL=address_over(line, driver.stack.dsn),
            DRAIN_SECONDS=str(SHORT_DRAIN_SECONDS),
        )
        session_id = await driver.upload(films[:200])
        await until(lambda: _holds_something(driver, cut_off))

        line.cut(Cut.SILENCE)
        start = time.monotonic()
        assert await cut_off.stop() == 0
        assert time.monotonic() - start < SHORT_DRAIN_SECONDS + PARTING_SECONDS

        assert not await _holds_nothing(driver, cut_off), "it could not give them back"
        await driver.speed_up()
        await driver.stack.add_daemon()
        status = await driver.completed(session_id)
        assert status["enriched_count"] == 200
        await driver.audit()
        assert bill(await driver.paid_twice()) <= CONCURRENCY


async def _both_at_work(driver: Driver, *daemons: Program) -> None:
    for daemon in daemons:
        await until(lambda daemon=daemon: _holds_something(driver, daemon))  # type: ignore[misc]  # mypy knows no lambda with a default here


async def _holds_something(driver: Driver, daemon: Program) -> bool:
    return await held_by(driver, id_of(driver, daemon)) > 0


async def _rescued(driver: Driver) -> bool:
    return bool(driver.events("claims_reclaimed"))


async def _holds_nothing(driver: Driver, daemon: Program) -> bool:
    return await held_by(driver, id_of(driver, daemon)) == 0
