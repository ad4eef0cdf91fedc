"""The window when its times cannot be trusted: a clock set back, a promoted standby, a wide margin.

Setting the clock back by an hour is done by moving every recorded time an hour forward; time passes
by moving them back.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from enrich_service.storage.request_limit import RequestLimit
from enrich_service.storage.window import WindowStorage
from enrich_service.storage.window_holds import LONGEST_HOLD_SECONDS

if TYPE_CHECKING:
    from enrich_service.storage.window import Grant
    from shared.postgres.database import Database

RULE = RequestLimit(limit=40, period=10.0, margin=0.2)
HOUR = 3600.0
A_MOMENT = 0.5
"""Longer than a statement takes, even on a very busy machine."""


@dataclass(slots=True)
class Window:
    """The window, and when requests were sent on a time line that no clock sets back."""

    database: Database
    storage: WindowStorage
    passed: float = 0.0
    sent: list[float] = field(default_factory=list)

    @property
    def now(self) -> float:
        return time.monotonic() + self.passed

    async def take(self, rule: RequestLimit = RULE, wanted: int = 100) -> Grant:
        grant = await self.storage.take(rule, wanted)
        self.sent += [self.now] * len(grant.expiries)
        return grant

    async def let_pass(self, seconds: float) -> None:
        await self._move(-seconds)
        self.passed += seconds

    async def set_clock_back(self, seconds: float) -> None:
        await self._move(seconds)

    async def _move(self, seconds: float) -> None:
        await self.database.fetchval(
            """
            with moved as (update request_slots set sent_at = sent_at + $1::interval)
            update request_window
            set
              hold_until = hold_until + $1::interval,
              held_at = held_at + $1::interval,
              slowed_at = slowed_at + $1::interval
            """,
            timedelta(seconds=seconds),
        )


@pytest.fixture
def window(database: Database) -> Window:
    return Window(database, WindowStorage(database))


def most_in_any(period: float, times: list[float]) -> int:
    return max(sum(start <= other < start + period for other in times) for start in times)


# -- a clock that is set back ------------------------------------------------------------------


@pytest.mark.parametrize("back", [3.0, HOUR])
async def test_clock_set_back_delays_by_one_period_at_most(window: Window, back: float) -> None:
    await window.take()
    await window.set_clock_back(back)
    delayed = await window.take()
    assert delayed.expiries == ()
    assert delayed.wait <= RULE.period + RULE.margin + min(back, RULE.period)
    await window.let_pass(delayed.wait)
    assert len((await window.take()).expiries) == 1


async def test_clock_set_back_after_a_quiet_time_leaves_a_burst(window: Window) -> None:
    await window.take()
    await window.let_pass(2 * HOUR)
    await window.set_clock_back(HOUR)
    assert len((await window.take()).expiries) == RULE.limit


@pytest.mark.parametrize("seed", range(6))
async def test_clock_set_back_at_any_time_exceeds_no_budget(window: Window, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # a seeded test
    grant = await window.take()
    for _ in range(80):
        if chance.random() < 0.15:
            await window.set_clock_back(chance.choice([0.1, 3.0, 15.0, HOUR]))
        await window.let_pass(chance.choice([0.0, grant.wait, chance.uniform(0, 12), 30.0]))
        grant = await window.take(wanted=chance.choice([1, 5, 100]))
        assert grant.wait <= 2 * (RULE.period + RULE.margin)
    assert len(window.sent) > RULE.limit
    assert most_in_any(RULE.period, window.sent) <= RULE.limit


async def test_clock_set_back_makes_no_hold_longer(window: Window) -> None:
    await window.storage.hold(30)
    await window.set_clock_back(HOUR)
    held = await window.take()
    assert held.expiries == ()
    assert 30 - A_MOMENT < held.wait <= 30 + A_MOMENT
    await window.let_pass(20)
    assert (await window.take()).wait <= 10 + A_MOMENT, "it began when the clock was set back"
    await window.let_pass(10 + A_MOMENT)
    after = await window.take()
    assert len(after.expiries) == 1
    assert after.wait <= 2 * RULE.period / RULE.limit, "nor the slowing after it"


@pytest.mark.parametrize(("earlier", "later"), [(10, 40), (40, 10)])
async def test_hold_after_a_clock_set_back_is_the_longer_one(
    window: Window, earlier: int, later: int
) -> None:
    await window.storage.hold(earlier)
    await window.set_clock_back(HOUR)
    await window.storage.hold(later)
    assert (await window.take()).wait == pytest.approx(40, abs=A_MOMENT)


async def test_hold_without_an_end_is_an_hour_at_most(window: Window) -> None:
    await window.database.fetchval("update request_window set hold_until = 'infinity'")
    assert (await window.take()).wait <= LONGEST_HOLD_SECONDS
    await window.let_pass(LONGEST_HOLD_SECONDS)
    assert len((await window.take()).expiries) == RULE.limit


# -- a promoted standby ------------------------------------------------------------------------


@pytest.mark.parametrize("noticed_by", ["a taking", "a heartbeat"])
async def test_another_timeline_holds_the_fleet_for_one_period(
    window: Window, noticed_by: str
) -> None:
    """As on a standby that was promoted: its row was written on the timeline before."""
    await window.take(wanted=1)
    await window.let_pass(HOUR)
    await window.database.fetchval("update request_window set timeline = timeline - 1")
    if noticed_by == "a heartbeat":
        await window.storage.notice_failover(RULE)
    held = await window.take()
    assert held.expiries == ()
    assert RULE.period - A_MOMENT < held.wait <= RULE.period + RULE.margin
    await window.let_pass(held.wait)
    assert len((await window.take()).expiries) == RULE.limit, "and only once"


async def test_window_that_knows_no_timeline_holds_nobody(window: Window) -> None:
    """It is new, or was last taken from by the release before."""
    assert await window.database.fetchval("select timeline from request_window") is None
    await window.storage.notice_failover(RULE)
    assert len((await window.take()).expiries) == RULE.limit
    assert await window.database.fetchval("select timeline from request_window") == 1


# -- a wide margin -----------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
async def test_wide_margin_keeps_a_busy_window_even(window: Window, share: float) -> None:
    """A little late, the oldest slot is more than two periods old, though the fleet is busy."""
    rule = RequestLimit(limit=10, period=10.0, margin=10.0 * share)
    grant = await window.take(rule)
    for _ in range(25):
        await window.let_pass(grant.wait + 0.45 * rule.margin)
        grant = await window.take(rule)
        assert len(grant.expiries) <= 1 + 0.45 * rule.margin // (rule.period / rule.limit)
    assert most_in_any(rule.period, window.sent) <= rule.limit
