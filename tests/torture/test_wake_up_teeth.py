"""An event that is cleared too late loses wake-ups, and that is found within a minute.

It has no statement, so the stage cannot play it: a real daemon is woken by pairs of questions that
come milliseconds apart, over and over, and no tick and no film that ends helps it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

import enrich_service.scheduling.dispatcher
from enrich_service.storage import StorageService
from enrich_service.tmdb.client import TMDBClient
from enrich_service.worker import EnrichmentWorker
from local_stack.stack import STAND_IN_KEY
from local_stack.tmdb.faults import FAULT_RULES
from tests.conftest import QUICK
from tests.support.driving import until
from tests.torture.defects import Defect, Patch
from tests.torture.world import chance_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from shared.postgres.database import Database
    from tests.conftest import RunningStandIn

pytestmark = pytest.mark.long
CLEARED_TOO_LATE = Defect(
    "an event is cleared after what it told of was looked for",
    frozenset({"G28"}),
    (
        Patch(
            enrich_service.scheduling.dispatcher,
            "Dispatcher.run",
            (
                ("self._wake.clear()\n", "pass\n"),
                ("pause = await self.step()\n", "pause = await self.step(); self._wake.clear()\n"),
            ),
        ),
    ),
)
FOUND_SECONDS = 60.0
PAIRS, AT_ONCE = 100, 9
APART_SECONDS = 0.012
LOST_SECONDS = 3.0


@pytest.fixture
async def worker(database: Database, tmdb: RunningStandIn) -> AsyncIterator[EnrichmentWorker]:
    """A daemon at work whose films do not end, and whose tick never comes."""
    hold = [{"match": "/3/movie/", "kind": "hold"}]
    tmdb.state.faults.replace(FAULT_RULES.validate_python(hold))
    options = replace(QUICK, interval=3600.0, drain=0.1)
    async with TMDBClient(
        base_url=tmdb.url, api_key=SecretStr(STAND_IN_KEY), timeout_seconds=600.0
    ) as client:
        made = EnrichmentWorker(client, StorageService(database), options)
        await made.start_scheduler()
        await until(lambda: made.is_registered and made.listener.connected)
        yield made
        tmdb.state.faults.replace([])
        await made.stop_scheduler()


async def lost_wake_up(database: Database, tmdb: RunningStandIn, pairs: int) -> int | None:
    """Wake the daemon so often by pairs; the number of the first that it did not hear."""
    chance = chance_of("wake-ups")
    for pair in range(pairs):
        await _ask(database, 2 * pair)
        await asyncio.sleep(chance.uniform(0, APART_SECONDS))
        await _ask(database, 2 * pair + 1)
        try:
            await until(lambda: _all_begun(database), seconds=LOST_SECONDS)
        except AssertionError:
            return pair
        if pair % AT_ONCE == AT_ONCE - 1:
            await _let_end(database, tmdb)
    return None


async def _ask(database: Database, number: int) -> None:
    await database.fetchval(
        """
        with asked as (
          insert into lookups (key, due_at, turn)
          select 'tmdb:' || $1, clock_timestamp(), max(turn) + 1 from virtual_times
          returning turn
        )
        select pg_notify('new_work', turn::text) from asked
        """,
        str(2_000_000_000 + number),
    )


async def _all_begun(database: Database) -> bool:
    return bool(
        await database.fetchval(
            """
            select not exists (
              select from lookups where due_at is not null and claimed_by is null
            )
            """
        )
    )


async def _let_end(database: Database, tmdb: RunningStandIn) -> None:
    """Let what was begun end, and hold what comes after it."""
    tmdb.state.faults.replace([])
    none = "select not exists (select from lookups where due_at is not null)"
    await until(lambda: database.fetchval(none))
    hold = [{"match": "/3/movie/", "kind": "hold"}]
    tmdb.state.faults.replace(FAULT_RULES.validate_python(hold))


async def test_event_that_is_cleared_too_late_is_found(
    database: Database, tmdb: RunningStandIn, worker: EnrichmentWorker
) -> None:
    assert worker.get_status().running
    assert await lost_wake_up(database, tmdb, PAIRS // 4) is None
    await worker.stop_scheduler()
    began = time.monotonic()
    with CLEARED_TOO_LATE.planted():
        await worker.start_scheduler()
        await until(lambda: worker.is_registered and worker.listener.connected)
        await database.fetchval("delete from lookups returning true")
        assert await lost_wake_up(database, tmdb, PAIRS) is not None
        await worker.stop_scheduler()
    assert time.monotonic() - began < FOUND_SECONDS
