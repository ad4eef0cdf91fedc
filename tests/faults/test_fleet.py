"""Two daemons at once: one budget, one queue, and nothing done by both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local_stack.stack import StandIn
from tests.driving import plain_films, running, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from local_stack.tmdb.film import Film
    from tests.driving import Driver

LIMIT = 60


async def test_two_daemons_keep_to_one_budget_and_share_the_work(
    dsn: str, tmp_path: Path, bill: Callable[[int], int]
) -> None:
    films = plain_films(90)
    stand_in = StandIn(limit=LIMIT, period=2.0, latency=0.2)
    # A wide margin: on a busy machine a request may be a while on its way.
    async with running(
        dsn, tmp_path, stand_in=stand_in, daemons=2, TMDB_RATE_MARGIN="0.5"
    ) as driver:
        first = await driver.upload(films[:60])
        second = await driver.upload(films[30:])
        seen: set[object] = set()
        await until(lambda: _both_claim(driver, seen))

        for session_id in (first, second):
            status = await driver.completed(session_id)
            assert status["enriched_count"] == 60

        await driver.audit()
        report = await driver.report()
        assert report["largest_window"] <= LIMIT
        assert report["refused_429"] == 0
        assert report["requests"] == 2 * len(films)
        assert bill(await driver.paid_twice()) == 0


async def test_one_of_two_daemons_may_leave_at_any_time(
    driver: Driver, films: list[Film], bill: Callable[[int], int]
) -> None:
    await driver.slow_down()
    leaving = await driver.stack.add_daemon()
    await driver.stack.add_daemon()
    session_id = await driver.upload(films[:150])
    seen: set[object] = set()
    await until(lambda: _both_claim(driver, seen))

    assert await leaving.stop() == 0

    status = await driver.completed(session_id)
    assert status["enriched_count"] == 150
    await driver.audit()
    assert bill(await driver.paid_twice()) == 0


async def _both_claim(driver: Driver, seen: set[object]) -> bool:
    rows = await driver.fetch(
        "select distinct claimed_by from lookups where claimed_by is not null"
    )
    seen |= {row["claimed_by"] for row in rows}
    return len(seen) == 2
