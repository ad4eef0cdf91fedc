"""Wake-ups that never arrive: the tick alone finds the work; and wake-ups that race each other."""

from __future__ import annotations

import asyncio
import os
import random
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support.driving import until
from tests.support.line import Cut, line_to_tmdb

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

    Bill = Callable[[int], int]

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"
SEED = int(os.environ.get("WAKE_UP_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
"""Repeats the distances of the race."""
PAIRS, AT_ONCE = 603, 9
"""At most as many films at once as a daemon has connections to TMDB: it claims no more."""
APART_SECONDS = 0.006
NO_TICK = "3600"
LOST_SECONDS = 8.0
"""Less than the ten for which an answer is waited for: until then nothing but a wake-up wakes."""


async def test_without_listen_the_tick_finds_every_upload(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    await driver.stack.add_daemon(LISTEN_DATABASE_URL=NOWHERE, ENRICH_INTERVAL="1")
    for start in range(0, 30, 10):
        # One after the other, each into a quiet fleet: work in flight would hide a lost tick.
        status = await driver.completed(await driver.upload(films[start : start + 10]))
        assert status["enriched_count"] == 10
    await driver.audit()
    assert bill(await driver.paid_twice()) == 0
    assert driver.events("listener_connect_failed")
    assert not driver.events("listener_connected")


@pytest.mark.timeout(480)
async def test_of_two_uploads_milliseconds_apart_neither_waits_for_the_tick(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    chance = random.Random(SEED)  # noqa: S311  # a choice that can be repeated, no secret
    to_come = iter(films)
    watcher = await asyncpg.connect(driver.stack.dsn)
    async with line_to_tmdb(driver.stack.tmdb_url) as line:
        await driver.stack.add_daemon(
            TMDB_BASE_URL=f"http://127.0.0.1:{line.port}",
            ENRICH_INTERVAL=NO_TICK,
            ENRICH_CONCURRENCY=str(2 * AT_ONCE),
        )
        for first in range(0, PAIRS, AT_ONCE):
            # A film that ends wakes the daemon, too, and would hide a lost wake-up: none does.
            line.cut(Cut.DELAY)
            for pair in range(1, AT_ONCE + 1):
                uploads = [asyncio.create_task(driver.upload([next(to_come)]))]
                await asyncio.sleep(chance.uniform(0, APART_SECONDS))
                uploads.append(asyncio.create_task(driver.upload([next(to_come)])))
                await asyncio.gather(*uploads)
                try:
                    await until(
                        lambda pair=pair: _claimed(watcher, 2 * pair),  # type: ignore[misc]  # mypy knows no lambda with a default here
                        seconds=LOST_SECONDS,
                    )
                except AssertionError as error:
                    error.add_note(f"pair {first + pair} of WAKE_UP_SEED={SEED}")
                    raise
            line.heal()
            await until(lambda: _claimed(watcher, 0))
    await watcher.close()
    await driver.audit()
    assert len(driver.sessions) == 2 * PAIRS
    assert bill(await driver.paid_twice()) == 0


async def _claimed(watcher: asyncpg.Connection[asyncpg.Record], count: int) -> bool:
    claims = await watcher.fetchval("select count(*) from lookups where claimed_by is not null")
    return bool(claims == count)
