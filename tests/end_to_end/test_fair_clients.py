"""A client with many lists has four shares beside a client with one, on several daemons."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.client_uploads import ClientUploads, Named
from local_stack.stack import STAND_IN_KEY, StandIn
from shared.postgres.database import Database
from shared.settings import Settings
from shared.sql.turn_grants import SHARES
from tests.support.driving import ADMIN_TOKEN, MADE_UP, made_up_films, running, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from uuid import UUID

    from tests.support.driving import Driver

DAEMONS = 3
LISTS, FILMS = 60, 15
"""Of the client that has many."""
SMALL = 20
PAST_THE_BURST = 60
"""Films by which the first burst, which a quiet fleet answers at once, is over."""
UNDER_WAY = 4 * DAEMONS
"""Films of a client that may be in hand when another comes, or when it ends."""
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

ANSWERED = """
    select count(*)
    from movies
    join lookups on lookups.id = lookup_id
    join sessions on sessions.id = session_id
    where client = $1 and outcome is not null
"""
ENDED_MEANWHILE = """
    select count(*)
    from movies
    join lookups on lookups.id = lookup_id
    join sessions on sessions.id = session_id
    where client = $1
      and answered_at between
        (select created_at from sessions where id = $2)
        and (
          select max(answered_at)
          from movies
          join lookups on lookups.id = lookup_id
          where session_id = $2
        )
"""
"""Films of a client that were ended between another's upload and its last film."""
ENDED_BY = """
    select count(*)
    from movies
    join lookups on lookups.id = lookup_id
    join sessions on sessions.id = session_id
    where client = $1
      and answered_at <= (
        select min(ended)
        from (
          select max(answered_at) as ended
          from movies
          join lookups on lookups.id = lookup_id
          where session_id = any($2::uuid[])
          group by session_id
        ) as ends
      )
"""
"""Films of a client that were ended by when the first of these lists was complete."""


class Clients:
    """Clients of a running stack."""

    def __init__(self, driver: Driver, uploads: ClientUploads) -> None:
        self.driver = driver
        self._uploads = uploads
        self._films = iter(made_up_films())

    async def upload(self, client: str, count: int) -> UUID:
        """Store a list of films that no other list has."""
        films = [next(self._films) for _ in range(count)]
        return await self._uploads.store(client, [Named(film.title, film.year) for film in films])


@asynccontextmanager
async def at_work(dsn: str, folder: Path) -> AsyncIterator[Clients]:
    """Several daemons, and clients that upload."""
    stand_in = StandIn(films=MADE_UP, limit=40, period=1.0, latency=0.05)
    settings = Settings(_env_file=None, database_url=dsn, tmdb_api_key=STAND_IN_KEY)
    async with (
        running(dsn, folder, stand_in=stand_in, daemons=DAEMONS, TMDB_RATE_MARGIN="0.5") as driver,
        Database(settings, application_name="tests") as database,
    ):
        yield Clients(driver, ClientUploads(database, folder))


async def test_a_short_list_waits_for_four_shares_of_many_lists_at_most(
    dsn: str, tmp_path: Path
) -> None:
    async with at_work(dsn, tmp_path) as clients:
        for _ in range(LISTS):
            await clients.upload("many", FILMS)

        async def past_the_burst() -> bool:
            return bool(await clients.driver.value(ANSWERED, "many") >= PAST_THE_BURST)

        await until(past_the_burst)
        short = await clients.upload("one", SMALL)
        await clients.driver.completed(str(short))
        meanwhile = await clients.driver.value(ENDED_MEANWHILE, "many", short)
        assert meanwhile <= SHARES * SMALL + UNDER_WAY
        assert meanwhile >= SMALL, "nor does it stop them"


async def test_clients_advance_evenly_beside_one_with_many_lists(dsn: str, tmp_path: Path) -> None:
    async with at_work(dsn, tmp_path) as clients:
        await clients.driver.call("POST", "/worker/pause", headers=ADMIN)
        for _ in range(LISTS):
            await clients.upload("many", FILMS)
        names = [f"client {number}" for number in range(4)]
        lists = [await clients.upload(name, 2 * SMALL) for name in names]
        await clients.driver.call("POST", "/worker/resume", headers=ADMIN)
        for session_id in lists:
            await clients.driver.completed(str(session_id))
        progress = [await clients.driver.value(ENDED_BY, name, lists) for name in names]
        assert max(progress) <= 1.5 * min(progress), progress
        of_many = await clients.driver.value(ENDED_BY, "many", lists)
        assert of_many <= SHARES * max(progress) + UNDER_WAY
