"""Years of more than a thousand films are gone through to the end, and then warm-up begins."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp.test_utils import TestServer

from enrich_service.storage.surveys import FIRST_YEAR
from local_stack.tmdb.app import create_app
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.generator import generate_films
from local_stack.tmdb.options import StandInOptions
from local_stack.tmdb.state import STAND_IN
from tests.support.stand_in import RunningStandIn
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]

LARGE = (1999, 2000)
FILMS = 1_100
"""Of each large year: 55 pages."""
WARM = 50
END_OTHER_YEARS = """
    insert into surveys (year, finished_at)
    select year, clock_timestamp()
    from generate_series($1::integer, extract(year from clock_timestamp())::integer) as year
    where year <> all($2::integer[])
"""


@pytest.fixture
async def tmdb() -> AsyncIterator[RunningStandIn]:
    """A stand-in with generated films that people know, more than a thousand in each large year."""
    films = [
        replace(
            film,
            release_date=dt.date(LARGE[number % 2], 1 + number % 12, 1).isoformat(),
            vote_count=max(film.vote_count, 5),
        )
        for number, film in enumerate(generate_films(2 * FILMS, seed=1))
    ]
    app = create_app(Catalogue(films), StandInOptions(limit=1000, period=1.0))
    server = TestServer(app)
    await server.start_server()
    yield RunningStandIn(str(server.make_url("")).rstrip("/"), app[STAND_IN])
    await server.close()


async def test_warm_up_over_large_years_fetches_every_film(
    *, make_worker: MakeWorker, tmdb: RunningStandIn, database: Database
) -> None:
    await database.fetchval(END_OTHER_YEARS, FIRST_YEAR, LARGE)
    worker = await make_worker(interval=0.05, index_votes=5, warm_films=WARM)
    await worker.start_scheduler()

    async def warmed() -> bool:
        return bool(await database.fetchval("select count(*) from catalogue") == WARM)

    await until(warmed)
    await worker.stop_scheduler()
    ended = await database.fetch("select year from surveys where is_complete order by year")
    assert tuple(row["year"] for row in ended) == LARGE
    assert tmdb.state.by_route["discover"] == 2 * FILMS // 20, "no page twice"
    assert tmdb.state.by_route["movie"] == WARM


async def test_survey_that_cannot_be_noted_is_put_back_with_backoff(
    *, make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, database: Database
) -> None:
    """The very error of a page that no column holds: here a check of the table's."""
    await database.fetchval(END_OTHER_YEARS, FIRST_YEAR, LARGE[:1])
    await database.fetchval("alter table surveys add check (next_page < 4)")
    worker = await make_worker(interval=0.05, index_votes=5)
    await worker.start_scheduler()

    async def postponed() -> bool:
        later = "select due_at > clock_timestamp() + interval '23 hours' from lookups"
        return bool(await database.fetchval(later))

    await until(postponed)
    await worker.stop_scheduler()
    assert tmdb.state.by_route["discover"] == 2 + 5, "so many attempts, and no more today"
    assert (await lists.lookup(f"survey:{LARGE[0]}"))["attempts"] == 0
    assert await database.fetchval("select taken_until from surveys where next_page = 3")
