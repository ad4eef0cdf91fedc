"""A rolling restart under load: no claim is left behind, and hardly any of the budget is lost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from benchmarks.figures import share_of_budget
from local_stack.stack import StandIn
from tests.support.driving import plain_films, running, until
from tests.support.watching import held_by, id_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.driving import Driver

LIMIT, PERIOD = 40, 10.0
"""The real limit: scaled down, the time that a busy machine may lose would be scaled down, too."""
REACH = 0.97
DAEMONS = 4
DRAIN_SECONDS = 20.0
LISTED = 140


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_rolling_restart_leaves_no_claim_and_uses_the_budget(
    dsn: str, tmp_path: Path, bill: Callable[[int], int]
) -> None:
    stand_in = StandIn(limit=LIMIT, period=PERIOD, latency=0.05)
    async with running(
        dsn, tmp_path, stand_in=stand_in, daemons=DAEMONS, DRAIN_SECONDS=str(DRAIN_SECONDS)
    ) as driver:
        session_id = await driver.upload(plain_films(LISTED))
        await until(lambda: _requests(driver, LIMIT + 1))
        for daemon in list(driver.stack.workers):
            worker_id = id_of(driver, daemon)
            await until(lambda worker_id=worker_id: held_by(driver, worker_id))  # type: ignore[misc]  # mypy knows no lambda with a default here
            start = time.monotonic()
            assert await daemon.stop() == 0
            assert time.monotonic() - start < DRAIN_SECONDS
            assert await held_by(driver, worker_id) == 0
            await driver.stack.add_daemon()
        requests = (await driver.report())["requests"]
        assert requests < 2 * LISTED - LIMIT, "there was work all the time"
        status = await driver.completed(session_id, seconds=120)
        assert status["enriched_count"] == LISTED
        await driver.audit()
        report = await driver.report()
        assert report["largest_window"] <= LIMIT
        assert report["refused_429"] == 0
        assert share_of_budget(report["arrivals"], LIMIT, PERIOD) >= REACH
        assert bill(await driver.paid_twice()) == 0


async def _requests(driver: Driver, count: int) -> bool:
    return bool((await driver.report())["requests"] >= count)
