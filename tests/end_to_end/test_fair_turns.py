"""A short list beside a long one: they take turns, on several daemons as on one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from local_stack.stack import StandIn
from tests.support.driving import MADE_UP, made_up_films, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

DAEMONS = 3
LONG, SHORT = 600, 12
PAST_THE_BURST = 60
"""Films by which the first burst, which a quiet fleet answers at once, is over."""
UNDER_WAY = 4 * DAEMONS
"""Films of the long list that may be in hand when the short one comes, or when it ends."""

ENDED_MEANWHILE = """
    select count(*)
    from movies
    join lookups on lookups.id = lookup_id
    where session_id = $1::text::uuid
      and answered_at between
        (select created_at from sessions where id = $2::text::uuid)
        and (
          select max(answered_at)
          from movies
          join lookups on lookups.id = lookup_id
          where session_id = $2::text::uuid
        )
"""
"""Films of one list that were ended between the upload of another and its last film."""


async def test_a_short_list_waits_for_as_many_films_of_a_long_one_as_it_has_itself(
    dsn: str, tmp_path: Path
) -> None:
    films = made_up_films()
    async with _at_work_on(films[:LONG], dsn, tmp_path) as (driver, long):
        for start in (LONG, LONG + SHORT):
            short = await driver.upload(films[start : start + SHORT])
            await driver.completed(short)
            meanwhile = await driver.value(ENDED_MEANWHILE, long, short)
            assert SHORT / 2 <= meanwhile <= SHORT + UNDER_WAY, "neither stops the other"


async def test_lists_of_one_size_advance_evenly(dsn: str, tmp_path: Path) -> None:
    films = made_up_films()
    async with _at_work_on(films[:LONG], dsn, tmp_path) as (driver, _):
        lists = [films[start : start + 30] for start in range(LONG, LONG + 150, 30)]
        sessions = [
            await _upload_from(f"127.0.0.{number}", driver, films)
            for number, films in enumerate(lists, 2)
        ]
        before = [await _ended(driver, session) for session in sessions]
        for session, ended in zip(sessions, before, strict=True):
            await driver.ended(session, ended + 15)
        after = await asyncio.gather(*(_ended(driver, session) for session in sessions))
        progress = [now - then for now, then in zip(after, before, strict=True)]
        assert max(progress) <= 1.5 * min(progress), progress


async def _upload_from(address: str, driver: Driver, films: list[Film]) -> str:
    """Upload as a client of its own: one with more than four lists has four shares."""
    async with driver.at_address(address) as client:
        return await client.upload(films)


@asynccontextmanager
async def _at_work_on(
    films: list[Film], dsn: str, folder: Path
) -> AsyncIterator[tuple[Driver, str]]:
    """Several daemons that have begun a long list; its session."""
    stand_in = StandIn(films=MADE_UP, limit=40, period=1.0, latency=0.05)
    async with running(
        dsn, folder, stand_in=stand_in, daemons=DAEMONS, TMDB_RATE_MARGIN="0.5"
    ) as driver:
        session_id = await driver.upload(films)
        await driver.ended(session_id, PAST_THE_BURST)
        yield driver, session_id


async def _ended(driver: Driver, session_id: str) -> int:
    status = await driver.status(session_id)
    return sum(int(status[name]) for name in ("enriched_count", "not_found_count", "failed_count"))
