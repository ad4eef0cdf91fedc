"""The API's statements read by index, however much is stored."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, get_args
from uuid import UUID

import pytest

from api_service.lists.film import Film
from api_service.lists.merging.copy_format import MOVIE_COLUMNS, movie_line
from api_service.queries.movies import MovieQuery, SortName
from api_service.storage import StorageService
from api_service.storage.additions import StagedAddition
from api_service.storage.filtering import Cursor
from shared.sql.requeue import reprioritise
from tests.support.query_costs import PLANS_SETTLED, cost_of, filled_database, single_connection
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres
    from shared.postgres.database import Database

# 3,000 sessions of 30 movies; session n lists the lookups from 30 n on, of which the last 6,000 of
# 60,000 are pending, so that one session in ten waits.
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ENDED = 100
WAITING = 1_850
MOST_MOVIES = 700
"""Rows of `movies` that a work may read: some sessions of 30, and who else lists a film."""
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
    async with filled_database(postgres, template, FILL) as dsn, single_connection(dsn) as database:
        yield database


@pytest.fixture
def storage(filled: Database) -> StorageService:
    return StorageService(filled)


async def used(
    database: Database, first: int, work: Callable[[UUID], Awaitable[object]]
) -> set[str]:
    """Do it to several sessions: no large table may be read whole; the indexes that were read."""
    numbers = itertools.count(first)
    cost = await cost_of(database, lambda: work(session(next(numbers))), PLANS_SETTLED)
    assert not cost.scanned & LARGE, cost
    assert cost.rows["movies"] <= MOST_MOVIES, cost
    return cost.indexes


async def page(storage: StorageService, one: UUID, after: Cursor | None, **query: object) -> None:
    """Read five movies, at least four of which are there."""
    found = await storage.movies.page(one, MovieQuery.model_validate(query), after=after, limit=5)
    assert len(found.rows) >= 4


async def find_key(storage: StorageService, one: UUID) -> None:
    found = await storage.uploads.find(str(one))
    assert found is not None
    assert found.session_id == one


async def aggregate(storage: StorageService, one: UUID) -> None:
    places = await storage.movies.places(one, MovieQuery())
    figures = await storage.summaries.aggregate(one, places.positions, everything=False)
    assert json.loads(figures["films"])["total"] == 30


async def search(storage: StorageService, one: UUID) -> None:
    wanted = MovieQuery(q="film", watched=True, decade=2000)
    assert len((await storage.movies.places(one, wanted)).positions) == 30


async def export(storage: StorageService, one: UUID) -> None:
    rest = MovieQuery(outcome="unmatched")
    found = await storage.movies.page(one, rest, after=Cursor("", 10), limit=200)
    assert found.next_cursor is None


async def correct(storage: StorageService, one: UUID) -> None:
    await storage.matches.repoint(one, 7, "title:film 1|2000", TRACEPARENT)
    await storage.matches.remove(one, 8)


async def count_ahead(storage: StorageService, _: UUID) -> None:
    assert await storage.fleet.films_ahead(54_100) is not None
    assert await storage.fleet.films_ahead(60_000) is None, "too many to be counted"


Work = Callable[[StorageService, UUID], Awaitable[object]]
BY_MOVIE = {"movies_pkey", "lookups_pkey"}
# The first session, what is done to it and to those after it, and the indexes that it reads; of the
# last ones, no other.
CASES: dict[str, tuple[int, Work, set[str]]] = {
    "page": (ENDED, lambda s, one: page(s, one, Cursor("", 10)), BY_MOVIE),
    "page of an outcome": (
        ENDED,
        lambda s, one: page(s, one, Cursor("", 10), outcome="not_found"),
        BY_MOVIE,
    ),
    **{
        f"page by {sort}": (
            ENDED,
            lambda s, one, sort=sort: page(s, one, None, sort=sort),  # type: ignore[misc]  # mypy knows no lambda with a default here
            {"movies_pkey"},
        )
        for sort in get_args(SortName)
    },
    "summary": (ENDED, aggregate, BY_MOVIE),
    "filters": (ENDED, search, BY_MOVIE),
    "export": (ENDED, export, BY_MOVIE),
    "requeue": (
        ENDED + 100,
        lambda s, one: s.sessions.force(one, TRACEPARENT),
        {"movies_pkey", "movies_lookup"},
    ),
    "correct": (ENDED + 200, correct, {"movies_pkey", "lookups_key_key", "sessions_pkey"}),
    "delete": (
        WAITING + 100,
        lambda s, one: s.sessions.delete(one),
        {"movies_pkey", "movies_lookup", "upload_reports_pkey"},
    ),
}
EXACT: dict[str, tuple[int, Work, set[str]]] = {
    "status": (ENDED, lambda s, one: s.sessions.get(one), {"sessions_pkey", "session_counts_pkey"}),
    "idempotency key": (ENDED, find_key, {"idempotency_keys_pkey"}),
    "reports": (ENDED, lambda s, one: s.sessions.reports(one, 1000), {"upload_reports_pkey"}),
    "pace": (
        ENDED,
        lambda s, _: s.fleet.pace(40, 10.2),
        {"sessions_enriching", "session_counts_pkey", "request_slots_pkey"},
    ),
    "films ahead": (ENDED, count_ahead, {"lookups_queue"}),
}


@pytest.mark.parametrize("name", [*EXACT, *CASES])
async def test_work_reads_only_its_session(
    storage: StorageService, filled: Database, name: str
) -> None:
    first, work, indexes = (CASES | EXACT)[name]
    read = await used(filled, first, lambda one: work(storage, one))
    assert read == indexes if name in EXACT else read >= indexes


async def test_reprioritising_reads_only_its_session(filled: Database) -> None:
    assert await used(filled, WAITING, lambda one: reprioritise(filled, one)) >= BY_MOVIE


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

    async def page() -> None:
        found = await storage.movies.page(large, MovieQuery(), after=Cursor("", 10), limit=100)
        assert [row["position"] for row in found.rows] == list(range(11, 111))

    # The page and the movie after it; the page again, with what TMDB knows; and a few for the plan.
    assert (await cost_of(filled, page)).rows["movies"] <= 100 + 1 + 100 + 20
    await storage.sessions.delete(large)


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
