"""A burst of slots begins no more films than it can end, whichever daemons begin them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from benchmarks.films import tellable
from enrich_service.storage.request_limit import RequestLimit
from enrich_service.storage.window import MOMENT, WindowStorage
from shared.lookup_keys import title_key
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.worker import EnrichmentWorker
    from local_stack.tmdb.catalogue import Catalogue
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]

RULE = RequestLimit(limit=40, period=3600.0, margin=60.0)
"""A period so long that no time passes in it but what a test lets pass."""
SHORTLY = RULE.period * MOMENT


@dataclass(frozen=True, slots=True)
class Burst:
    """A quiet window; time passes by moving its recorded times back."""

    database: Database
    storage: WindowStorage

    async def begin(self, films: int, *, per_film: float = 2.0) -> int:
        """Take slots for so many new films; how many there were."""
        grant = await self.storage.take(RULE, films, beginning=films, per_film=per_film)
        return len(grant.expiries)

    async def go_on(self, requests: int) -> int:
        """Take slots for so many requests of films in flight; how many there were."""
        return len((await self.storage.take(RULE, requests, per_film=2.0)).expiries)

    async def let_pass(self, seconds: float) -> None:
        await self.database.fetchval(
            "update request_slots set sent_at = sent_at - $1::interval", timedelta(seconds=seconds)
        )


@pytest.fixture
def burst(database: Database) -> Burst:
    return Burst(database, WindowStorage(database))


async def test_burst_begins_as_many_films_as_it_ends(burst: Burst) -> None:
    assert await burst.begin(40) == 20
    assert await burst.begin(1) == 0
    assert await burst.go_on(20) == 20


async def test_daemons_at_once_begin_what_the_burst_ends(burst: Burst) -> None:
    begun = await asyncio.gather(*(burst.begin(5) for _ in range(8)))
    assert sum(begun) == 20
    assert await burst.go_on(20) == 20


async def test_request_and_new_film_together_leave_enough(burst: Burst) -> None:
    await burst.begin(18)
    grant = await burst.storage.take(RULE, 5, beginning=2, per_film=2.0)
    assert len(grant.expiries) == 3, "of a new film there would be no end"
    assert grant.wait <= 0, "what is left is due"


async def test_rest_of_a_burst_begins_films_a_moment_later(burst: Burst) -> None:
    await burst.begin(10)
    await burst.go_on(10)
    assert await burst.begin(20) == 0
    await burst.let_pass(SHORTLY)
    assert await burst.begin(20) == 10
    assert await burst.go_on(10) == 10


async def test_burst_of_which_nobody_takes_more_is_used_up(burst: Burst) -> None:
    """Even if what began with it has died, and ahead of an even flow at each moment."""
    begun = 0
    for moments in range(10):
        while some := await burst.begin(40):
            begun += some
        assert begun >= min(moments * RULE.limit * MOMENT, RULE.limit)
        await burst.let_pass(SHORTLY)
    assert begun == RULE.limit


async def test_films_of_one_request_take_the_whole_burst(burst: Burst) -> None:
    assert await burst.begin(40, per_film=1.0) == 40


async def test_steady_flow_begins_a_film_with_each_slot(burst: Burst) -> None:
    await burst.go_on(40)
    await burst.let_pass(RULE.period + RULE.margin)
    for _ in range(10):
        assert await burst.begin(1) == 1
        await burst.let_pass(RULE.period / RULE.limit)


async def test_daemons_end_each_film_that_they_begin_in_a_burst(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    break_tmdb: Callable[..., None],
    bundled_catalogue: Catalogue,
    database: Database,
) -> None:
    # A database that is silent for a heartbeat is given up, and then a whole period is waited for.
    workers = [
        await make_worker(request_limit=RULE, heartbeat=5.0, worker_timeout=60.0) for _ in range(4)
    ]
    for worker in workers:
        await worker.start_scheduler()

    async def share_evenly() -> bool:
        rows = await database.fetch("select connections from workers")
        return [row["connections"] for row in rows] == [4, 4, 4, 4]

    await until(share_evenly)
    break_tmdb({"match": "/3/search", "kind": "hold"})
    films = tellable(bundled_catalogue.films)[:60]
    await lists.announce(await lists.add(*(title_key(film.title, film.year) for film in films)))

    async def each_connection_is_used() -> bool:
        return tmdb.state.requests == 16

    async def have_ended() -> bool:
        return bool(
            await database.fetchval(
                "select count(*) = 16 from lookups where answered_at is not null"
            )
        )

    await until(each_connection_is_used)
    break_tmdb()
    await until(have_ended)
    assert tmdb.state.requests == 32
    assert not await database.fetchval("select count(*) from lookups where claimed_by is not null")
