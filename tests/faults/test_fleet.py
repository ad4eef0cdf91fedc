"""Several daemons at once: one budget, one queue, and nothing done by two of them."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from local_stack.stack import StandIn
from local_stack.tmdb.request_window import RequestWindow
from tests.support.driving import MADE_UP, running, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from local_stack.processes import Program
    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

    Bill = Callable[[int], int]

BUDGET = StandIn(films=MADE_UP, limit=40, period=1.0, latency=0.2)
MARGIN = 0.5
"""A wide one: on a busy machine a request may be a while on its way."""
HOLD_SECONDS = 2.0
MORE_THAN_ENOUGH = 900
"""Films, so that work always waits."""


@asynccontextmanager
async def fleet(
    dsn: str, folder: Path, *, daemons: int = 0, **settings: str
) -> AsyncIterator[Driver]:
    settings = {"TMDB_RATE_MARGIN": str(MARGIN)} | settings
    async with running(dsn, folder, stand_in=BUDGET, daemons=daemons, **settings) as driver:
        yield driver


async def test_two_daemons_share_the_work(
    dsn: str, tmp_path: Path, films: list[Film], bill: Bill
) -> None:
    async with fleet(dsn, tmp_path, daemons=2) as driver:
        first = await driver.upload(films[:30])
        second = await driver.upload(films[15:45])
        await _all_claim(driver, 2)

        for session_id in (first, second):
            status = await driver.completed(session_id)
            assert status["enriched_count"] == 30

        await driver.audit()
        report = await driver.report()
        assert report["largest_window"] <= BUDGET.limit
        assert report["refused_429"] == 0
        assert report["requests"] == 2 * 45
        assert bill(await driver.paid_twice()) == 0


async def test_a_fleet_of_any_size_keeps_to_one_budget_whoever_comes_and_goes(
    dsn: str, tmp_path: Path, films: list[Film]
) -> None:
    async with fleet(dsn, tmp_path) as driver:
        await driver.upload(films[:MORE_THAN_ENOUGH])
        workers = driver.stack.workers
        for size in (1, 2, 4, 8):
            await _add(driver, size - len(workers))
            await _all_claim(driver, size)
            await _asked(driver, BUDGET.limit // 2)

        await asyncio.gather(
            *(worker.kill() for worker in workers[:3]), *(worker.stop() for worker in workers[3:6])
        )
        await _asked(driver, BUDGET.limit)
        await _add(driver, 4)
        await _asked(driver, BUDGET.limit)

        assert await _stop(worker for worker in workers if worker.running) == {0}
        report = await driver.report()
        assert report["largest_window"] <= BUDGET.limit
        assert report["refused_429"] == 0


async def test_a_change_of_the_limit_lets_nothing_through_that_neither_allows(
    dsn: str, tmp_path: Path, films: list[Film]
) -> None:
    """Down and up again; while both are in force, no more than the larger.

    Beside busy daemons that may send more, those that may send less hardly come to it: what they
    have in flight when they are stopped is given back at the end of the drain time.
    """
    async with fleet(dsn, tmp_path, DRAIN_SECONDS="1") as driver:
        await driver.upload(films[:MORE_THAN_ENOUGH])
        high, low = BUDGET.limit, BUDGET.limit // 2
        workers = await _add(driver, 2, TMDB_RATE_LIMIT=str(high))
        await _asked(driver, high)
        lowered = await _change(driver, workers, high, low)
        await _asked(driver, low + low // 2)
        raised_at = time.time()
        await _change(driver, driver.stack.workers[-2:], low, high)
        await _asked(driver, high)

        report = await driver.report()
        assert report["largest_window"] <= high
        assert report["refused_429"] == 0
        alone = [at for at in report["arrivals"] if lowered < at < raised_at]
        assert len(alone) > low
        assert _largest_window(alone) <= low


@pytest.mark.parametrize(
    "headers", [{"Retry-After": str(int(HOLD_SECONDS))}, {}], ids=["Retry-After", "without"]
)
async def test_a_429_to_one_daemon_holds_all_of_them_back(
    driver: Driver, films: list[Film], bill: Bill, headers: dict[str, str]
) -> None:
    await driver.slow_down()
    await _add(driver, 3, TMDB_RATE_LIMIT="800", TMDB_RATE_PERIOD=str(HOLD_SECONDS))
    session_id = await driver.upload(films[:300])
    await _all_claim(driver, 3)
    await driver.go_wrong(
        {"match": "/3/", "kind": "status", "status": 429, "times": 1, "headers": headers}
    )

    status = await driver.completed(session_id)

    assert status["enriched_count"] == 300
    await driver.audit()
    (told,) = driver.events("tmdb_rate_limited")
    assert told["hold_seconds"] == HOLD_SECONDS
    told_at = datetime.fromisoformat(told["timestamp"]).timestamp()
    arrivals = (await driver.report())["arrivals"]
    assert any(at < told_at for at in arrivals)
    assert any(at > told_at + HOLD_SECONDS for at in arrivals)
    # What had its slot already is still on its way for a moment.
    assert not [at for at in arrivals if told_at + MARGIN < at < told_at + HOLD_SECONDS]
    assert bill(await driver.paid_twice()) <= 1


async def test_one_of_two_daemons_may_leave_at_any_time(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    await driver.slow_down()
    leaving = await driver.stack.add_daemon()
    await driver.stack.add_daemon()
    session_id = await driver.upload(films[:150])
    await _all_claim(driver, 2)

    assert await leaving.stop() == 0

    status = await driver.completed(session_id)
    assert status["enriched_count"] == 150
    await driver.audit()
    assert bill(await driver.paid_twice()) == 0


async def _add(driver: Driver, daemons: int, **settings: str) -> list[Program]:
    return await asyncio.gather(
        *(driver.stack.add_daemon(wait=True, **settings) for _ in range(daemons))
    )


async def _stop(workers: Iterable[Program]) -> set[int]:
    return set(await asyncio.gather(*(worker.stop() for worker in workers)))


async def _change(driver: Driver, workers: Iterable[Program], old: int, new: int) -> float:
    """Replace two daemons by two with another limit; when the last of the old ones had ended."""
    await _add(driver, 2, TMDB_RATE_LIMIT=str(new))
    await _asked(driver, max(old, new))
    assert await _stop(workers) == {0}
    return time.time()


async def _all_claim(driver: Driver, count: int) -> None:
    """Wait until so many daemons have been seen at work."""
    seen: set[object] = set()

    async def seen_all() -> bool:
        rows = await driver.fetch(
            "select distinct claimed_by from lookups where claimed_by is not null"
        )
        seen.update(row["claimed_by"] for row in rows)
        return len(seen) >= count

    await until(seen_all)


async def _asked(driver: Driver, times: int) -> None:
    """Wait until TMDB was asked so many times more."""
    before = (await driver.report())["requests"]

    async def often_enough() -> bool:
        return bool((await driver.report())["requests"] >= before + times)

    await until(often_enough)


def _largest_window(arrivals: Iterable[float]) -> int:
    """The most arrivals in any period, counted as the stand-in does."""
    window = RequestWindow(limit=BUDGET.limit, period=BUDGET.period)
    for at in arrivals:
        window.arrive(at)
    return window.largest
