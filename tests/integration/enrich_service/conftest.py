"""What the daemon's tests share: lists as an upload leaves them, workers, and waiting."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from enrich_service.options import WorkerOptions
from enrich_service.storage import StorageService
from enrich_service.storage.window import RequestLimit
from enrich_service.tmdb.client import TMDBClient
from enrich_service.worker import EnrichmentWorker
from local_stack.stack import STAND_IN_KEY
from local_stack.tmdb.faults import FAULT_RULES
from shared.lookup_keys import LookupKind, parse_key
from shared.postgres.database import Database
from tests.guarantees import DRIFTED
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from local_stack.postgres import EmbeddedPostgres
    from shared.settings import Settings
    from tests.conftest import RunningStandIn


@dataclass(frozen=True, slots=True)
class Asked:
    """One movie of a list: the key of its lookup, and what the list says beside it."""

    key: str
    title: str | None = None
    year: int | None = None


class Lists:
    """Sessions, put into the database as an upload leaves them, and what became of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, *movies: Asked | str) -> UUID:
        """Store a list; a `title:` key alone also gives the movie its title and year."""
        session_id = uuid4()
        asked = [_asked(movie) for movie in movies]
        await self._database.fetchval(
            """
            insert into lookups (key, title, due_at, turn)
            select key, title, clock_timestamp(), (select max(turn) from virtual_times) + place
            from unnest($1::text[], $2::text[]) with ordinality as asked (key, title, place)
            on conflict (key) do nothing
            """,
            [movie.key for movie in asked],
            [movie.title for movie in asked],
        )
        await self._database.fetchval(ADD_SESSION, session_id, len(asked))
        await self._database.fetchval(
            """
            insert into movies (
              session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked,
              tags, in_watchlist, lists
            )
            select $1, place, lookups.id, asked.title, year, true, '{}', 0, false, '{}', false, '{}'
            from unnest($2::text[], $3::text[], $4::integer[]) with ordinality
              as asked (key, title, year, place)
            join lookups using (key)
            """,
            session_id,
            [movie.key for movie in asked],
            [movie.title for movie in asked],
            [movie.year for movie in asked],
        )
        await self._database.fetchval(
            """
            update session_counts c
            set enriched = counted.enriched, not_found = counted.not_found, failed = counted.failed
            from (
              select
                count(*) filter (where outcome = 'found') as enriched,
                count(*) filter (where outcome = 'not_found') as not_found,
                count(*) filter (where outcome = 'failed') as failed
              from movies
              join lookups on lookups.id = movies.lookup_id
              where session_id = $1
            ) as counted
            where c.session_id = $1
            """,
            session_id,
        )
        return session_id

    async def announce(self, session_id: UUID) -> None:
        """Tell the daemons, as an upload does."""
        await self._database.fetchval("select pg_notify('new_work', $1)", str(session_id))

    async def lookup(self, key: str) -> asyncpg.Record:
        """One lookup's row."""
        row = await self._database.fetchrow("select * from lookups where key = $1", key)
        assert row is not None, f"there is no lookup {key}"
        return row

    async def counts(self, session_id: UUID) -> tuple[int, int, int]:
        """Found, not found and failed, as they are stored."""
        (row,) = await self._database.fetch(
            "select enriched, not_found, failed from session_counts where session_id = $1",
            session_id,
        )
        return row["enriched"], row["not_found"], row["failed"]

    async def status(self, session_id: UUID) -> str:
        """`enriching` or `completed`."""
        completed = await self._database.fetchval(
            "select completed_at is not null from sessions where id = $1", session_id
        )
        return "completed" if completed else "enriching"

    async def keys(self, session_id: UUID) -> list[str]:
        """The lookup of each movie, by position."""
        rows = await self._database.fetch(
            """
            select key
            from movies
            join lookups on lookups.id = lookup_id
            where session_id = $1
            order by position
            """,
            session_id,
        )
        return [row["key"] for row in rows]

    async def drifted(self) -> list[UUID]:
        """Sessions whose stored counts differ from a recount by join."""
        rows = await self._database.fetch(DRIFTED)
        return [row["id"] for row in rows]


def _asked(movie: Asked | str) -> Asked:
    if isinstance(movie, Asked):
        return movie
    key = parse_key(movie)
    if key.kind in {LookupKind.TMDB, LookupKind.IMDB}:
        return Asked(movie)
    return Asked(movie, key.subject, key.year)


@pytest.fixture
def lists(database: Database) -> Lists:
    """Sessions of the test's database."""
    return Lists(database)


@pytest.fixture
def asked() -> type[Asked]:
    """For a movie that is looked up by an id and has a title besides."""
    return Asked


@pytest.fixture
def storage(database: Database) -> StorageService:
    """The daemon's storage over the test's database."""
    return StorageService(database)


@pytest.fixture
def break_tmdb(tmdb: RunningStandIn) -> Callable[..., None]:
    """Replaces the stand-in's faults by these rules, written as in its control plane."""

    def replace_faults(*rules: dict[str, Any]) -> None:
        tmdb.state.faults.replace(FAULT_RULES.validate_python(list(rules)))

    return replace_faults


@pytest.fixture
async def make_worker(
    settings: Settings, tmdb: RunningStandIn
) -> AsyncIterator[Callable[..., Awaitable[EnrichmentWorker]]]:
    """Makes workers that do not make a test wait, each with a pool of its own, not started."""
    quick = WorkerOptions(
        request_limit=RequestLimit(limit=500, period=1.0, margin=0.2),
        first_backoff=0.02,
        longest_backoff=0.1,
        first_probe=0.05,
        longest_probe=0.2,
        index_votes=0,  # so that what a film costs does not depend on those before it
    )
    async with AsyncExitStack() as stack:

        async def make(
            *,
            timeout_seconds: float = 2.0,
            api_key: str = STAND_IN_KEY,
            base_url: str = tmdb.url,
            **options: Any,  # noqa: ANN401  # an option's value
        ) -> EnrichmentWorker:
            database = await stack.enter_async_context(
                Database(settings, application_name="tests-worker")
            )
            client = await stack.enter_async_context(
                TMDBClient(
                    base_url=base_url,
                    api_key=SecretStr(api_key),
                    timeout_seconds=timeout_seconds,
                )
            )
            worker = EnrichmentWorker(client, StorageService(database), replace(quick, **options))
            stack.push_async_callback(worker.stop_scheduler)
            return worker

        yield make


@pytest.fixture
def postgres_admin(postgres: EmbeddedPostgres) -> Callable[[str], Awaitable[None]]:
    """Runs one statement from outside the test's database."""

    async def run(statement: str) -> None:
        connection = await asyncpg.connect(postgres.dsn())
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    return run


@pytest.fixture
async def hold(dsn: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Opens a snapshot that stays open, as a dump's does."""
    connection = await asyncpg.connect(dsn)

    async def begin() -> None:
        await connection.execute("begin isolation level repeatable read")
        await connection.fetchval("select count(*) from fleet")

    yield begin
    await connection.close()
