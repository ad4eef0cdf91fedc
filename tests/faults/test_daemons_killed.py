"""Daemons killed at random, twenty times in one run, and each replaced: nothing is lost.

`KILL_SEED` repeats a run's choices (not its timing).
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.support.driving import CONCURRENCY, until
from tests.support.watching import RESUMED_SECONDS, longest_rest

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

SEED = int(os.environ.get("KILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
DAEMONS, KILLS, LISTED = 3, 20, 2000
RUN_SECONDS = 180.0


@pytest.mark.long
@pytest.mark.timeout(RUN_SECONDS + 60)
async def test_daemons_may_be_killed_at_any_time(
    driver: Driver, films: list[Film], bill: Callable[[int], int]
) -> None:
    chance = random.Random(SEED)  # noqa: S311  # a choice that can be repeated, no secret
    await driver.slow_down()
    alive = [await driver.stack.add_daemon() for _ in range(DAEMONS)]
    sessions = [await driver.upload(films[: LISTED // 2]), await driver.upload(films[200:LISTED])]
    try:
        for ended in sorted(chance.sample(range(50, LISTED - DAEMONS * CONCURRENCY), KILLS)):
            await until(lambda ended=ended: _ended(driver, ended), seconds=RUN_SECONDS)  # type: ignore[misc]  # mypy knows no lambda with a default here
            await alive.pop(chance.randrange(DAEMONS)).kill()
            # The next kill may well meet one that has only just begun.
            alive.append(await driver.stack.add_daemon(wait=False))
        for session_id in sessions:
            status = await driver.completed(session_id, seconds=RUN_SECONDS)
            assert status["enriched_count"] == status["total_movies"]
        await driver.audit()
        rescued = sum(event["count"] for event in driver.events("claims_reclaimed"))
        assert bill(await driver.paid_twice()) <= rescued <= KILLS * CONCURRENCY
        assert await longest_rest(driver) < RESUMED_SECONDS
        for daemon in alive:
            await daemon.wait_until_ready()
            assert await daemon.stop() == 0
    except BaseException as error:
        error.add_note(f"KILL_SEED={SEED}")
        raise


async def _ended(driver: Driver, films: int) -> bool:
    ended = await driver.value("select count(*) from lookups where outcome is not null")
    return bool(ended >= films)
