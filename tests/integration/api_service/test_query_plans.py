"""The API's statements read by index, however much is stored."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args
from uuid import UUID

import asyncpg
import pytest

from api_service.lists.merging.copying import MOVIE_COLUMNS, movie_line
from api_service.lists.merging.films import Film
from api_service.queries.movies import MovieQuery, SortName
from api_service.storage import StorageService
from api_service.storage.additions import StagedAddition
from api_service.storage.filtering import Cursor
from api_service.storage.staging import IdempotencyKey
from shared.postgres.database import Database
from shared.settings import Settings
from shared.sql.requeue import bring_forward, reopen_session
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres

# 3,000 sessions of 30 movies; session n lists the lookups from 30 n on, of which the last 6,000 of
# 60,000 are pending, so that one session in ten waits.
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENDED = 100
WAITING = 1_850
TIMES = 8
"""More often than it takes PostgreSQL to settle on one plan for all parameters."""
LARGE = {"sessions", "session_counts", "movies", "lookups", "upload_reports", "idempotency_keys"}

FILL = (
    """
    insert into catalogue (
      tmdb_id, title, original_title, genres, directors, top_cast, countries, languages,
      vote_count, popularity
    )
    values (1, 'A', 'A', '{}', '[]', '[]', '{}', '{}', 0, 0)
    """,
    """
    insert into lookups (key, outcome, tmdb_id, answered_at, due_at, turn)
    select
      'title:film ' || n || '|2000',
      outcome,
      case outcome when 'found' then 1 end,
      case when outcome is not null then clock_timestamp() end,
      case when outcome is null then clock_timestamp() end,
      case when outcome is null then n end
    from generate_series(1, 60000) as n,
      lateral (
        select case when n > 54000 then null when n % 4 = 0 then 'not_found' else 'found' end
      ) as ended (outcome)
    """,
    """
    with session as (
      insert into sessions (id)
      select lpad(to_hex(n), 32, '0')::uuid from generate_series(1, 3000) as n
      returning id
    )
    insert into session_counts (session_id, total)
    select id, 30 from session
    """,
    """
    insert into movies (
      session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked, tags,
      in_watchlist, lists
    )
    select
      lpad(to_hex(n), 32, '0')::uuid, place, 1 + (n * 30 + place) % 60000,
      'Film', 2000, true, '{}', 0, false, '{}', false, '{}'
    from generate_series(1, 3000) as n, generate_series(1, 30) as place
    """,
    """
    update session_counts c
    set enriched = counted.enriched, not_found = counted.not_found
    from (
      select
        session_id,
        count(*) filter (where outcome = 'found') as enriched,
        count(*) filter (where outcome = 'not_found') as not_found
      from movies
      join lookups on lookups.id = lookup_id
      group by session_id
    ) as counted
    where c.session_id = counted.session_id
    """,
    "insert into upload_reports (session_id, report) select id, '{}' from sessions",
    "insert into idempotency_keys (key, body_sha256, session_id) select id, '', id from sessions",
    "analyze",
    "vacuum sessions",  # as autovacuum does, so that an index alone may answer
)


def session(number: int) -> UUID:
    return UUID(int=number)


@pytest.fixture(scope="module")
async def filled(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[Database]:
    """A filled database over a single connection, so that its statistics can be read at once."""
    server = await asyncpg.connect(postgres.dsn())
    await server.execute(f"create database test_plans template {template}")
    settings = Settings(_env_file=None, database_url=postgres.dsn("test_plans"))
    async with Database(settings, application_name="tests", max_size=1) as database:
        for statement in FILL:
            await database.fetchval(statement)
        yield database
    await server.execute("drop database test_plans with (force)")
    await server.close()


@pytest.fixture
def storage(filled: Database) -> StorageService:
    return StorageService(filled)


async def scans(database: Database) -> tuple[dict[str, int], dict[str, int]]:
    """Sequential scans by table, and scans by index, so far."""
    await database.fetchval("select pg_stat_force_next_flush()")
    tables = await database.fetch("select relname, seq_scan from pg_stat_user_tables")
    indexes = await database.fetch("select indexrelname, idx_scan from pg_stat_user_indexes")
    return (
        {row["relname"]: row["seq_scan"] for row in tables},
        {row["indexrelname"]: row["idx_scan"] for row in indexes},
    )


async def used(
    database: Database, first: int, work: Callable[[UUID], Awaitable[object]]
) -> set[str]:
    """Do it to several sessions: no large table may be read whole; the indexes that were read."""
    tables, indexes = await scans(database)
    for number in range(first, first + TIMES):
        await work(session(number))
    tables_after, indexes_after = await scans(database)
    assert {name for name in LARGE if tables_after[name] != tables[name]} == set()
    return {name for name, count in indexes_after.items() if count >= indexes[name] + TIMES}


async def test_status_reads_two_rows_by_their_keys(
    storage: StorageService, filled: Database
) -> None:
    indexes = await used(filled, ENDED, storage.sessions.get)
    assert indexes == {"sessions_pkey", "session_counts_pkey"}


async def test_an_idempotency_key_is_found_by_index(
    storage: StorageService, filled: Database
) -> None:
    async def find(session_id: UUID) -> None:
        assert await storage.uploads.find(IdempotencyKey(str(session_id), b"")) == session_id

    assert await used(filled, ENDED, find) == {"idempotency_keys_pkey"}


@pytest.mark.parametrize("outcome", [None, "not_found"])
async def test_a_page_by_position_begins_where_the_last_one_ended(
    storage: StorageService, filled: Database, outcome: str | None
) -> None:
    async def page(session_id: UUID) -> None:
        found = await storage.movies.page(
            session_id,
            MovieQuery(outcome=outcome),
            after=Cursor("", 10),
            limit=5,
        )
        assert len(found.rows) >= 4

    assert {"movies_pkey", "lookups_pkey"} <= await used(filled, ENDED, page)


async def test_a_page_by_position_of_a_large_session_ends_early(
    storage: StorageService, filled: Database
) -> None:
    large = session(0xFFFF)
    await filled.fetchval(ADD_SESSION, large, 5000)
    await filled.fetchval(
        """
        insert into movies
        select $1, n, lookup_id, title, year, watched, rating, rating_original, watch_dates,
          rewatches, liked, tags, review, in_watchlist, lists, source_url, origins
        from generate_series(1, 5000) as n, movies
        where session_id = $2 and position = 1
        """,
        large,
        session(1),
    )
    await filled.fetchval("analyze movies")
    fetched = "select idx_tup_fetch from pg_stat_user_tables where relname = 'movies'"
    await filled.fetchval("select pg_stat_force_next_flush()")
    before = await filled.fetchval(fetched)
    page = await storage.movies.page(large, MovieQuery(), after=Cursor("", 10), limit=100)
    assert [row["position"] for row in page.rows] == list(range(11, 111))
    await filled.fetchval("select pg_stat_force_next_flush()")
    # The page and the movie after it; the page again, with what TMDB knows; and a few for the plan.
    assert await filled.fetchval(fetched) - before <= 100 + 1 + 100 + 20
    await storage.sessions.delete(large)


@pytest.mark.parametrize("sort", get_args(SortName))
async def test_a_page_in_another_order_reads_only_its_session(
    storage: StorageService, filled: Database, sort: str
) -> None:
    async def page(session_id: UUID) -> None:
        found = await storage.movies.page(
            session_id,
            MovieQuery(sort=sort),
            after=None,
            limit=5,
        )
        assert len(found.rows) == 5

    assert "movies_pkey" in await used(filled, ENDED, page)


async def test_a_summary_reads_only_its_session(storage: StorageService, filled: Database) -> None:
    async def add_up(session_id: UUID) -> None:
        places = await storage.movies.places(session_id, MovieQuery())
        figures = await storage.summaries.add_up(session_id, places.positions, everything=False)
        assert json.loads(figures["films"])["total"] == 30

    indexes = await used(filled, ENDED, add_up)
    assert {"movies_pkey", "lookups_pkey"} <= indexes


async def test_filters_read_only_their_session(storage: StorageService, filled: Database) -> None:
    async def search(session_id: UUID) -> None:
        wanted = MovieQuery(q="film", watched=True, decade=2000)
        assert len((await storage.movies.places(session_id, wanted)).positions) == 30

    assert {"movies_pkey", "lookups_pkey"} <= await used(filled, ENDED, search)


async def test_asking_again_finds_who_else_lists_a_film_by_index(filled: Database) -> None:
    async def reopen(session_id: UUID) -> None:
        assert await reopen_session(filled, session_id) >= 7

    assert {"movies_pkey", "movies_lookup"} <= await used(filled, ENDED + 100, reopen)


async def test_bringing_forward_reads_only_its_session(filled: Database) -> None:
    indexes = await used(filled, WAITING, lambda session_id: bring_forward(filled, session_id))
    assert {"movies_pkey", "lookups_pkey"} <= indexes


async def test_a_correction_reads_nothing_whole(storage: StorageService, filled: Database) -> None:
    async def correct(session_id: UUID) -> None:
        await storage.matches.repoint(session_id, 7, "title:film 1|2000", TRACEPARENT)
        await storage.matches.remove(session_id, 8)

    indexes = await used(filled, ENDED + 200, correct)
    assert {"movies_pkey", "lookups_key_key", "sessions_pkey"} <= indexes


async def test_adding_to_a_session_reads_only_its_movies_and_the_lookups_asked_for(
    storage: StorageService, filled: Database, tmp_path: Path
) -> None:
    films = tmp_path / "session"
    movies = tmp_path / "movies.csv"
    film = Film("Film", 2000, "title:film|2000", 0)

    async def add(session_id: UUID) -> None:
        edition = await storage.additions.read_out(session_id, films, 30)
        assert len(films.read_text().splitlines()) == edition.positions == 30
        # One that is there gets another lookup, one other data; one is new and one is unheard of.
        second = json.loads(films.read_text().splitlines()[1])
        assert second[0] == 2
        lines = [
            movie_line(2, film, "title:film 1|2000", second[1]),
            movie_line(3, film, None),
            movie_line(31, film, "title:film 2|2000"),
            movie_line(32, film, f"imdb:{session_id}"),
        ]
        movies.write_text("".join(lines))
        report = movies.with_name("report.json")
        report.write_text("{}")
        await storage.additions.store(
            StagedAddition(
                session_id=session_id,
                movies=movies,
                columns=MOVIE_COLUMNS,
                total=2,
                report=report,
                idempotency=None,
                traceparent=TRACEPARENT,
                upload_id=session_id,
                edition=edition,
                changed=2,
            )
        )

    indexes = await used(filled, ENDED + 300, add)
    assert {"movies_pkey", "lookups_key_key", "sessions_pkey"} <= indexes


async def test_an_export_reads_on_where_it_was(storage: StorageService, filled: Database) -> None:
    async def page(session_id: UUID) -> None:
        found = await storage.movies.page(
            session_id, MovieQuery(outcome="unmatched"), after=Cursor("", 10), limit=200
        )
        assert found.next_cursor is None

    assert {"movies_pkey", "lookups_pkey"} <= await used(filled, ENDED, page)


async def test_reports_are_found_by_index(storage: StorageService, filled: Database) -> None:
    indexes = await used(filled, ENDED, lambda one: storage.sessions.reports(one, 1000))
    assert indexes == {"upload_reports_pkey"}


async def test_deleting_a_session_finds_who_else_lists_its_films_by_index(
    storage: StorageService, filled: Database
) -> None:
    async def delete(session_id: UUID) -> None:
        assert await storage.sessions.delete(session_id)

    indexes = await used(filled, WAITING + 100, delete)
    assert {"movies_pkey", "movies_lookup", "upload_reports_pkey"} <= indexes


async def test_the_pace_of_all_reads_only_who_still_waits(
    storage: StorageService, filled: Database
) -> None:
    indexes = await used(filled, ENDED, lambda _: storage.fleet.pace(40, 10.2))
    assert indexes == {"sessions_enriching", "session_counts_pkey", "request_slots_pkey"}


async def test_what_comes_before_a_film_is_counted_at_the_head_of_the_queue(
    storage: StorageService, filled: Database
) -> None:
    async def count(_: UUID) -> None:
        assert await storage.fleet.films_ahead(54_100) is not None
        assert await storage.fleet.films_ahead(60_000) is None, "too many to be counted"

    assert await used(filled, ENDED, count) == {"lookups_queue"}
