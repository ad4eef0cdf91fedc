"""One daemon cut off, from TMDB or from PostgreSQL, while another works on; then healed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from benchmarks.figures import longest_gap
from tests.driving import CONCURRENCY, until
from tests.line import Cut, address_over, line_to_database, line_to_tmdb

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.tmdb.film import Film
    from tests.driving import Driver

    Bill = Callable[[int], int]

LISTED = 1400
"""More films than one daemon can do before the line is healed."""
OUT_SECONDS = 3.0
REST_SECONDS = 3.0
"""For which a fleet may rest that believes one of its daemons: a backoff of one, and some air."""
RESUMED_SECONDS = 20.0


@pytest.mark.parametrize("how", [Cut.RESET, Cut.SILENCE])
async def test_a_daemon_cut_off_from_tmdb_leaves_the_films_to_the_others(
    driver: Driver, films: list[Film], bill: Bill, how: Cut
) -> None:
    await driver.slow_down()
    async with line_to_tmdb(driver.stack.tmdb_url) as line:
        cut_off = await driver.stack.add_daemon(TMDB_BASE_URL=f"http://127.0.0.1:{line.port}")
        await driver.stack.add_daemon()
        session_id = await driver.upload(films[:LISTED])
        cut_off_id = await _both_at_work(driver)

        line.cut(how)
        await until(lambda: _holds_nothing(driver, cut_off_id))
        # From here on whatever it claims is one film too many.
        claimed = 0
        end = time.monotonic() + OUT_SECONDS
        while time.monotonic() < end:
            claimed += await _held(driver, cut_off_id)
        assert claimed == 0
        assert len(driver.events("film_given_back")) <= CONCURRENCY
        assert len(driver.events("tmdb_down")) == 1, "the fleet believed it once"

        line.heal()
        await until(lambda: _holds_something(driver, cut_off_id), seconds=RESUMED_SECONDS)
        await driver.speed_up()
        status = await driver.completed(session_id)

        assert status["enriched_count"] == LISTED
        await driver.audit()
        assert not driver.events("film_retry"), "no film was charged for it"
        assert await _longest_rest(driver) < REST_SECONDS, "the other went on"
        assert bill(await driver.paid_twice()) <= CONCURRENCY
        assert await cut_off.stop() == 0


@pytest.mark.parametrize("how", list(Cut))
async def test_a_daemon_cut_off_from_postgresql_is_replaced_and_comes_back(
    driver: Driver, films: list[Film], bill: Bill, how: Cut
) -> None:
    await driver.slow_down()
    async with line_to_database(driver.stack.dsn) as line:
        cut_off = await driver.stack.add_daemon(DATABASE_URL=address_over(line, driver.stack.dsn))
        await driver.stack.add_daemon()
        session_id = await driver.upload(films[:LISTED])
        cut_off_id = await _both_at_work(driver)

        line.cut(how)
        # Its silence is made older: that 12 seconds of it are enough is shown elsewhere.
        await driver.fetch(
            """
            update workers
            set heartbeat_at = heartbeat_at - interval '1 minute'
            where id = $1::text::uuid
            """,
            cut_off_id,
        )
        await until(lambda: _holds_nothing(driver, cut_off_id))
        assert driver.events("claims_rescued")

        line.heal()
        await until(lambda: _holds_something(driver, cut_off_id), seconds=RESUMED_SECONDS)
        await driver.speed_up()
        status = await driver.completed(session_id)

        assert status["enriched_count"] == LISTED
        await driver.audit()
        assert await _longest_rest(driver) < REST_SECONDS, "the other went on"
        assert bill(await driver.paid_twice()) <= CONCURRENCY
        assert await cut_off.stop() == 0


async def _both_at_work(driver: Driver) -> str:
    """Wait until both daemons have claims; the id of the first that was started."""
    first, second = (str(event["worker_id"]) for event in driver.events("worker_started"))
    await until(lambda: _holds_something(driver, first))
    await until(lambda: _holds_something(driver, second))
    return first


async def _held(driver: Driver, worker_id: str) -> int:
    return int(
        await driver.value(
            "select count(*) from lookups where claimed_by = $1::text::uuid", worker_id
        )
    )


async def _holds_something(driver: Driver, worker_id: str) -> bool:
    return await _held(driver, worker_id) > 0


async def _holds_nothing(driver: Driver, worker_id: str) -> bool:
    return await _held(driver, worker_id) == 0


async def _longest_rest(driver: Driver) -> float:
    """The longest time, in seconds, in which no film was ended."""
    rows = await driver.fetch(
        "select extract(epoch from answered_at)::float8 as at from lookups order by answered_at"
    )
    moments = [row["at"] for row in rows]
    return longest_gap(moments, moments[0], moments[-1])
