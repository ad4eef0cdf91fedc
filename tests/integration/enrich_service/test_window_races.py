"""Takers at once, some of them killed: no slot is given twice, and the limit holds."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import pytest

from enrich_service.storage.request_limit import RequestLimit
from enrich_service.storage.window import WindowStorage
from shared.errors import DatabaseUnavailableError
from shared.postgres.database import Database
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from enrich_service.storage.window import Grant
    from shared.postgres.transactions import Connection
    from shared.settings import Settings


RULE = RequestLimit(limit=20, period=0.4, margin=0.1)
HALF = RequestLimit(limit=10, period=0.4, margin=0.1)
"""As the background's, beside the other."""
LONG = RequestLimit(limit=40, period=3600.0, margin=60.0)
"""One burst for a whole test."""
TAKERS = 6
SLOTS = 300
KILL_ONE = """
    select pg_terminate_backend(pid)
    from pg_stat_activity
    where application_name like 'taker %' and state = 'active'
    order by random()
    limit 1
"""
CLOSER_THAN_THE_PERIOD = """
    select count(*)
    from request_slots as earlier
    join request_slots as later on later.n = earlier.n + $1
    where later.sent_at < earlier.sent_at + $2 * interval '1 second'
"""
OUT_OF_ORDER = """
    select count(*)
    from request_slots as earlier
    join request_slots as later on later.n = earlier.n + 1
    where later.sent_at < earlier.sent_at
"""


@pytest.fixture
async def takers(settings: Settings) -> AsyncIterator[list[WindowStorage]]:
    """Each with a connection of its own."""
    async with AsyncExitStack() as stack:
        yield [
            WindowStorage(
                await stack.enter_async_context(
                    Database(settings, application_name=f"taker {number}", max_size=1)
                )
            )
            for number in range(TAKERS)
        ]


async def waiting(database: Database) -> int:
    return int(await database.fetchval("select count(*) from pg_locks where not granted"))


async def slots(database: Database) -> int:
    return int(
        await database.fetchval("select count(*) from request_slots where sent_at > '-infinity'")
    )


@pytest.mark.parametrize("kills", [False, True])
async def test_takers_at_once_keep_the_limit_in_any_period(
    takers: list[WindowStorage], database: Database, *, kills: bool
) -> None:
    """One of them has half the limit; those that are killed connect again and go on."""
    granted = 0
    before = await database.fetchval("select max(n) from request_slots")

    async def take_on(taker: WindowStorage, rule: RequestLimit) -> None:
        nonlocal granted
        chance = random.Random(takers.index(taker))  # noqa: S311  # a seeded test
        while granted < SLOTS:
            try:
                grant = await taker.take(rule, chance.choice([1, 2, 3, 20]))
            except DatabaseUnavailableError:
                continue  # it was killed again and again
            granted += len(grant.expiries)

    async def granted_more_than(seen: int) -> bool:
        return granted > seen

    async def kill_on() -> None:
        while granted < SLOTS:
            more_than_now = partial(granted_more_than, granted)
            await database.fetchval(KILL_ONE)
            await until(more_than_now)

    rules = [HALF] + [RULE] * (TAKERS - 1)
    tasks = [take_on(taker, rule) for taker, rule in zip(takers, rules, strict=True)]
    await asyncio.gather(*tasks, *([kill_on()] if kills else []))
    rows = await database.fetchrow("select max(n) - $1, count(*) from request_slots", before)
    assert rows is not None
    assert rows[1] == rows[0] + before, "no number is left out"
    assert granted == rows[0] if not kills else granted <= rows[0]
    assert await database.fetchval(CLOSER_THAN_THE_PERIOD, RULE.limit, RULE.period) == 0
    assert await database.fetchval(OUT_OF_ORDER) == 0


async def test_slots_of_a_taker_that_is_killed_go_to_others(
    takers: list[WindowStorage], database: Database
) -> None:
    await takers[0].take(LONG, 1)
    tasks: list[asyncio.Task[Grant]] = []

    async def all_wait() -> bool:
        return await waiting(database) == TAKERS

    async def insert_and_die(connection: Connection) -> None:
        await connection.execute("savepoint before")
        await connection.execute(
            "insert into request_slots select max(n) + 1, clock_timestamp() from request_slots"
        )
        tasks.extend(asyncio.create_task(taker.take(LONG, 3)) for taker in takers)
        await until(all_wait)
        await connection.fetchval(KILL_ONE)
        await connection.execute("rollback to before")

    await database.transact(insert_and_die)
    grants = await asyncio.gather(*tasks)
    assert [len(grant.expiries) for grant in grants] == [3] * TAKERS
    assert await slots(database) == 1 + 3 * TAKERS


async def test_taker_behind_another_takes_the_next_slots(
    takers: list[WindowStorage], database: Database
) -> None:
    """Those that were worked out before are all the other's, even where they are more."""
    await takers[0].take(LONG, 1)

    async def one_waits() -> bool:
        return await waiting(database) == 1

    async def take_two_while_another_takes_five(connection: Connection) -> asyncio.Task[Grant]:
        await connection.execute(
            """
            insert into request_slots
            select max(n) + place, clock_timestamp()
            from request_slots, generate_series(1, 2) as place
            group by place
            """
        )
        taking = asyncio.create_task(takers[1].take(LONG, 5))
        await until(one_waits)
        return taking

    grant = await (await database.transact(take_two_while_another_takes_five))
    assert len(grant.expiries) == 5
    assert await slots(database) == 8
    assert await database.fetchval(OUT_OF_ORDER) == 0
