"""The fleet's law: what its window grants, whoever asks, whenever, and for how many.

Time passes here only when a test says so: the database asks a clock of the test's own. So a minute
takes no minute, and a machine that others keep busy loses none.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from dataclasses import dataclass, field
from datetime import MINYEAR, UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from enrich_service.storage.request_limit import RequestLimit
from enrich_service.storage.window import WindowStorage
from enrich_service.storage.window_holds import LEAST_SHARE, ONE_OVERLOAD_SECONDS
from shared.models import RECOVERY_SECONDS
from shared.postgres import connector as connecting
from shared.postgres.database import Database
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from enrich_service.storage.window import Grant
    from shared.postgres.transactions import Connection
    from shared.settings import Settings


RULE = RequestLimit(limit=40, period=10.0, margin=0.2)
SPACING = RULE.period / RULE.limit
ROUNDING = 0.0001
A_MOMENT = 0.05
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Window:
    """The window under a clock of the test's own."""

    database: Database
    storage: WindowStorage
    now: float = BEGIN.timestamp()
    taken: list[float] = field(default_factory=list)
    """Every recorded time."""

    async def take(self, rule: RequestLimit = RULE, wanted: int = 1) -> Grant:
        grant = await self.storage.take(rule, wanted)
        if grant.expiries:
            slots = await self.slots()
            self.taken += slots[-len(grant.expiries) :]
        return grant

    async def slots(self) -> list[float]:
        """The window without what was never sent."""
        rows = await self.database.fetch("select sent_at from request_slots order by n")
        return [row["sent_at"].timestamp() for row in rows if row["sent_at"].year > MINYEAR]

    async def let_pass(self, seconds: float) -> None:
        moment = await self.database.fetchval(
            "update test_clock.clock set moment = moment + $1 returning moment",
            timedelta(seconds=seconds),
        )
        self.now = moment.timestamp()

    async def record(self, ages: Sequence[float]) -> None:
        """Let the window hold what was sent so many seconds ago, oldest first."""
        await self.database.fetchval("delete from request_slots")
        await self.database.fetchval(
            """
            insert into request_slots (n, sent_at)
            select place, coalesce(clock_timestamp() - age * interval '1 second', '-infinity')
            from unnest(array_fill(null::float8, array[$2::integer]) || $1::float8[])
              with ordinality as sent (age, place)
            """,
            list(ages),
            max(0, 40 - len(ages)),
        )


@pytest.fixture
async def clock(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stands in for the server's clock, over every connection that is opened from now on."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            """
            create schema test_clock;
            create table test_clock.clock (moment timestamptz);
            create function test_clock.clock_timestamp() returns timestamptz
              language sql volatile as 'select moment from test_clock.clock';
            """
        )
        await connection.execute("insert into test_clock.clock values ($1)", BEGIN)
    finally:
        await connection.close()
    stated = connecting._OF_A_DIRECT_CONNECTION  # noqa: SLF001  # what no database can set
    monkeypatch.setitem(stated, "search_path", "test_clock, pg_catalog, public")


@pytest.fixture
def window(clock: None, database: Database) -> Window:  # noqa: ARG001  # connections come after it
    return Window(database, WindowStorage(database))


def gaps(times: Sequence[float]) -> list[float]:
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def most_in_any(period: float, times: Sequence[float]) -> int:
    """The largest number of times that lie in any half-open period."""
    return max(
        sum(start <= other < start + period - ROUNDING for other in times) for start in times
    )


# -- one taker ---------------------------------------------------------------------------------


async def test_a_quiet_window_gives_one_burst_and_then_waits_a_period(window: Window) -> None:
    burst = await window.take(wanted=100)
    assert len(burst.expiries) == RULE.limit
    assert burst.wait == RULE.period + RULE.margin
    after = await window.take(wanted=100)
    assert after.expiries == ()


async def test_taking_nothing_says_when_the_next_slot_is_due(window: Window) -> None:
    idle = await window.take(wanted=0)
    assert idle.expiries == ()
    assert idle.wait == 0
    await window.take(wanted=RULE.limit)
    busy = await window.take(wanted=0)
    assert busy.wait == RULE.period + RULE.margin


async def test_a_busy_window_flows_evenly_at_nearly_the_full_rate(window: Window) -> None:
    grant = await window.take(wanted=100)
    for _ in range(160):
        await window.let_pass(grant.wait)
        grant = await window.take(wanted=100)
        assert len(grant.expiries) == 1
    flowing = window.taken[RULE.limit :]
    assert min(gaps(flowing)) >= SPACING - ROUNDING
    assert most_in_any(RULE.period, window.taken) <= RULE.limit
    used = (len(flowing) - 1) / (flowing[-1] - flowing[0]) * SPACING
    assert used >= 0.97


async def test_the_flow_begins_as_soon_as_the_burst_has_left_the_period(window: Window) -> None:
    grant = await window.take(wanted=100)
    await window.let_pass(grant.wait)
    grant = await window.take(wanted=100)
    assert len(grant.expiries) == 1
    assert grant.wait == SPACING


async def test_a_wake_up_a_little_late_is_recorded_when_it_was_due(window: Window) -> None:
    ages = [0.03 + SPACING * number for number in range(RULE.limit, 0, -1)]
    ages = [age + 0.4 for age in ages[:-1]] + ages[-1:]  # the period's law does not delay it
    await window.record(ages)
    before = (await window.slots())[-1]
    grant = await window.take(wanted=5)
    assert len(grant.expiries) == 1
    assert window.taken[-1] - before == pytest.approx(SPACING, abs=ROUNDING)


async def test_late_wake_ups_do_not_push_later_slots_back(window: Window) -> None:
    grant = await window.take(wanted=100)
    for _ in range(60):
        await window.let_pass(grant.wait + 0.04)
        grant = await window.take(wanted=1)
    flowing = window.taken[RULE.limit :]
    # Each was late, and yet the last one stands where sixty punctual ones would have put it.
    turns_of_the_period = 60 // RULE.limit + 1
    punctual = 59 * SPACING + turns_of_the_period * RULE.margin
    assert flowing[-1] - flowing[0] <= punctual + ROUNDING


async def test_a_wake_up_too_late_is_recorded_at_the_clock(window: Window) -> None:
    ages = [1.0 + SPACING * number for number in range(RULE.limit, 0, -1)]
    await window.record(ages)
    before = (await window.slots())[-1]
    grant = await window.take(wanted=5)
    assert len(grant.expiries) == 1, "what was missed is not made up for in a burst"
    assert window.taken[-1] - before >= 1.0
    assert grant.wait == SPACING


async def test_a_slot_may_be_used_for_a_margin_after_its_recorded_time(
    window: Window, database: Database
) -> None:
    before = time.monotonic()
    grant = await window.take(wanted=1)
    after = time.monotonic()
    (expiry,) = grant.expiries
    assert before + RULE.margin <= expiry <= after + RULE.margin
    ages = [SPACING * number + 0.06 for number in range(RULE.limit, 0, -1)]
    await window.record([age + 0.6 for age in ages[:-1]] + ages[-1:])

    async def waits() -> bool:
        return bool(await database.fetchval("select count(*) from pg_locks where not granted"))

    async def take_while_another_inserts(
        connection: Connection,
    ) -> tuple[asyncio.Task[Grant], float]:
        await connection.execute("savepoint before")
        await connection.execute(
            "insert into request_slots select max(n) + 1, clock_timestamp() from request_slots"
        )
        taking = asyncio.create_task(window.take(wanted=1))
        await until(waits)
        now = time.monotonic()
        await connection.execute("rollback to before")
        return taking, now

    taking, before_the_answer = await database.transact(take_while_another_inserts)
    (expiry,) = (await taking).expiries
    assert expiry <= before_the_answer + RULE.margin - 0.06 + ROUNDING, "it was due 0.06 s ago"


async def test_a_window_quiet_for_two_periods_gives_a_burst_again(window: Window) -> None:
    await window.take(wanted=100)
    await window.let_pass(2 * RULE.period - 1)
    assert len((await window.take(wanted=100)).expiries) == 1, "still busy"
    await window.let_pass(3 * RULE.period)
    assert len((await window.take(wanted=100)).expiries) == RULE.limit


async def test_a_hold_moves_everything(window: Window) -> None:
    await window.storage.hold(30)
    held = await window.take(wanted=40)
    assert held.expiries == ()
    assert held.wait == pytest.approx(30, abs=A_MOMENT)
    await window.let_pass(29)
    assert (await window.take(wanted=40)).expiries == ()
    await window.let_pass(1)
    assert len((await window.take(wanted=40)).expiries) == 1, "and no burst after it"


async def test_a_shorter_hold_does_not_shorten_a_longer_one(window: Window) -> None:
    await window.storage.hold(30)
    await window.storage.hold(2)
    assert (await window.take()).wait == pytest.approx(30, abs=A_MOMENT)


async def test_a_hold_in_the_middle_of_a_flow_stops_it(window: Window) -> None:
    grant = await window.take(wanted=100)
    for _ in range(3):
        await window.let_pass(grant.wait)
        grant = await window.take(wanted=10)
    await window.storage.hold(7)
    await window.let_pass(6.9)
    assert (await window.take(wanted=10)).expiries == ()
    await window.let_pass(0.1)
    assert len((await window.take(wanted=10)).expiries) == 1, "and it flows on, without a burst"
    assert window.taken[-1] - window.taken[-2] >= 7 - ROUNDING


# -- speed, and what TMDB refuses --------------------------------------------------------------


async def rate(window: Window, rule: RequestLimit, seconds: float) -> float:
    """Requests a second that whoever asks without a pause is given."""
    begun, end = len(window.taken), window.now + seconds
    while window.now < end:
        grant = await window.take(rule, wanted=rule.limit)
        await window.let_pass(max(grant.wait, 0.001))
    return (len(window.taken) - begun) / seconds


async def test_large_limit_flows_evenly_from_the_first_request(window: Window) -> None:
    fast = RequestLimit(limit=350)
    assert await rate(window, fast, 21.0) >= 0.95 * fast.limit / fast.period
    assert min(gaps(window.taken)) >= fast.period / fast.limit - ROUNDING
    assert most_in_any(fast.period, window.taken) <= fast.limit


async def test_refusal_halves_the_rate_which_comes_back_slowly(window: Window) -> None:
    fast = RequestLimit(limit=100, period=5.0, margin=0.1)
    full = fast.limit / fast.period
    await window.storage.hold(1)
    await window.let_pass(1)
    assert await rate(window, fast, 5.0) == pytest.approx(0.5 * full, rel=0.1)
    await window.let_pass(RECOVERY_SECONDS / 4 - 5.0)
    assert await rate(window, fast, 5.0) == pytest.approx(0.76 * full, rel=0.1)
    await window.let_pass(RECOVERY_SECONDS / 4)
    assert await rate(window, fast, 20.0) == pytest.approx(full, rel=0.05)
    assert most_in_any(fast.period, window.taken) <= fast.limit


@pytest.mark.parametrize("later", [(), (200.0,), (150.0, 200.0)])
async def test_rate_is_the_half_when_a_long_hold_ends(
    window: Window, later: tuple[float, ...]
) -> None:
    fast = RequestLimit(limit=100, period=5.0, margin=0.1)
    for seconds in (200.0, *later):  # refusals of one overload
        await window.storage.hold(seconds)
        await window.let_pass(1)
    await window.let_pass((await window.take(fast)).wait)
    assert await rate(window, fast, 5.0) == pytest.approx(0.5 * fast.limit / fast.period, rel=0.1)


async def test_refusals_of_one_overload_halve_once_and_later_ones_again(window: Window) -> None:
    async def share() -> float:
        return float(await window.database.fetchval("select slowed_to from request_window"))

    for _ in range(3):
        await window.storage.hold(0)
        await window.let_pass(1)
    assert await share() == 0.5
    await window.let_pass(ONE_OVERLOAD_SECONDS)
    await window.storage.hold(0)
    regained = (ONE_OVERLOAD_SECONDS + 3) / RECOVERY_SECONDS
    assert await share() == pytest.approx((0.5 + regained) / 2)
    for _ in range(10):
        await window.let_pass(ONE_OVERLOAD_SECONDS)
        await window.storage.hold(0)
    assert await share() >= LEAST_SHARE
    assert (await window.take()).expiries, "never quite nothing"


async def test_a_larger_limit_admits_no_burst_after_a_full_period(window: Window) -> None:
    await window.record([SPACING * number for number in range(RULE.limit, 0, -1)])
    larger = RequestLimit(limit=100, period=10.0, margin=0.2)
    assert (await window.take(larger, wanted=100)).expiries == ()
    grant = await window.take(larger, wanted=100)
    earlier = await window.slots()
    for _ in range(200):
        await window.let_pass(grant.wait)
        grant = await window.take(larger, wanted=100)
        assert len(grant.expiries) <= 1
    assert most_in_any(larger.period, earlier + window.taken) <= larger.limit


async def test_a_larger_limit_may_fill_a_quiet_period(window: Window) -> None:
    await window.record([1.0] * 15)
    larger = RequestLimit(limit=100, period=10.0, margin=0.2)
    assert len((await window.take(larger, wanted=200)).expiries) == 85


async def test_a_smaller_limit_counts_its_own_number_of_slots_only(window: Window) -> None:
    await window.record([1.0] * 15)
    assert (await window.take(RequestLimit(limit=10), wanted=5)).expiries == ()
    assert len((await window.take(RequestLimit(limit=20), wanted=40)).expiries) == 5


async def test_a_window_without_its_row_is_a_defect_that_is_named(window: Window) -> None:
    await window.database.fetchval("delete from request_window")
    with pytest.raises(RuntimeError, match="request_window"):
        await window.take()


# -- the law, whatever happens -----------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
async def test_no_period_ever_holds_more_than_the_limit(window: Window, seed: int) -> None:
    """Daemons with different limits take at random times; one of them is being changed."""
    chance = random.Random(seed)  # noqa: S311  # a seeded test
    period = chance.choice([1.0, 10.0])
    rules = [
        RequestLimit(limit=chance.choice([3, 7, 40, 60]), period=period, margin=0.02 * period)
        for _ in range(3)
    ]
    held_until = float("-inf")
    grant = await window.take(rules[0], wanted=rules[0].limit)
    for _ in range(120):
        rule = chance.choice(rules)
        pause = chance.choice(
            [0.0, grant.wait, period / rule.limit, chance.uniform(0, period), 3 * period]
        )
        await window.let_pass(pause * chance.choice([0.5, 1.0, 1.0, 1.1]))
        if chance.random() < 0.05:
            await window.storage.hold(period / 3)
            held_until = window.now + period / 3 - ROUNDING
        wanted = chance.choice([1, 2, rule.limit, 2 * rule.limit])
        grant = await window.take(rule, wanted)
        assert len(grant.expiries) <= min(wanted, rule.limit)
        if grant.expiries:
            granted = window.taken[-len(grant.expiries) :]
            assert granted[-1] <= window.now + ROUNDING, "granted before it is due"
            assert granted[0] >= held_until
            # Its own law, when it took: with these, at most its limit lie in its period.
            earlier = window.taken[: -rule.limit]
            assert not earlier or granted[-1] - earlier[-1] >= period + rule.margin - ROUNDING
    assert min(gaps(window.taken)) >= -ROUNDING, "slots go back in time"
    assert most_in_any(period, window.taken) <= max(rule.limit for rule in rules)


@pytest.mark.parametrize("seed", range(4))
async def test_daemons_with_different_periods_keep_each_its_own_law(
    window: Window, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311  # a seeded test
    rules = [RequestLimit(40, 10.0, 0.2), RequestLimit(10, 1.0, 0.2), RequestLimit(25, 4.0, 0.2)]
    for _ in range(150):
        rule = chance.choice(rules)
        grant = await window.take(rule, chance.choice([1, 3, rule.limit]))
        if grant.expiries:
            last = window.taken[-1]
            inside = [at for at in window.taken if at > last - rule.period + ROUNDING]
            assert len(inside) <= rule.limit
        await window.let_pass(chance.choice([0.0, grant.wait, chance.uniform(0, 12)]))
    assert min(gaps(window.taken)) >= -ROUNDING, "slots go back in time"


@pytest.mark.parametrize("seed", range(3))
async def test_whoever_waits_as_long_as_it_was_told_gets_a_slot(window: Window, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  # a seeded test
    for _ in range(60):
        grant = await window.take(RULE, chance.choice([1, 3, 60]))
        if grant.wait > SPACING + A_MOMENT:  # a shorter one may end early, in a quiet window
            await window.let_pass(grant.wait - A_MOMENT)
            assert (await window.take()).expiries == (), "earlier than it was told"
            await window.let_pass(A_MOMENT)
        else:
            await window.let_pass(grant.wait)
        assert len((await window.take()).expiries) == 1
        await window.let_pass(chance.choice([0.0, 0.3, 5.0, 25.0]))


# -- many takers at once -----------------------------------------------------------------------


async def test_takers_at_once_share_one_burst(window: Window) -> None:
    grants = await asyncio.gather(*(window.storage.take(RULE, 5) for _ in range(20)))
    assert sum(len(grant.expiries) for grant in grants) == RULE.limit
    assert len(await window.slots()) == RULE.limit


async def test_a_taker_that_waited_for_another_sees_what_that_one_took(
    window: Window, database: Database
) -> None:
    await window.take()
    others: list[asyncio.Task[Grant]] = []

    async def all_wait() -> bool:
        waiting = await database.fetchval("select count(*) from pg_locks where not granted")
        return bool(waiting == len(others))

    async def take_all_while_others_wait(connection: Connection) -> None:
        await connection.execute(
            """
            insert into request_slots (n, sent_at)
            select (select max(n) from request_slots) + place, clock_timestamp()
            from generate_series(1, 40) as place
            """
        )
        others.extend(asyncio.create_task(window.storage.take(RULE, 5)) for _ in range(3))
        await until(all_wait)

    await database.transact(take_all_while_others_wait)
    grants = await asyncio.gather(*others)
    assert [len(grant.expiries) for grant in grants] == [0, 0, 0]
    assert [grant.wait for grant in grants] == [RULE.period + RULE.margin] * 3


async def test_no_slot_is_given_to_two_takers(window: Window, settings: Settings) -> None:
    rule = RequestLimit(limit=1000, period=1.0, margin=0.2)
    await window.record([1.2 - place * 0.0005 for place in range(1, 1001)])
    before = (await window.slots())[-1]

    async def take_often(storage: WindowStorage) -> int:
        given = 0
        for _ in range(40):
            await window.let_pass(rule.period / rule.limit)
            grant = await storage.take(rule, 3)
            given += len(grant.expiries)
        return given

    async with (
        Database(settings, application_name="one") as one,
        Database(settings, application_name="other") as other,
    ):
        given = await asyncio.gather(
            *(take_often(WindowStorage(base)) for base in (one, other) for _ in range(5))
        )
    fresh = [slot for slot in await window.slots() if slot > before]
    assert len(fresh) == sum(given) > 40
    assert min(gaps(fresh)) >= rule.period / rule.limit - ROUNDING, "one slot was given twice"
