"""The queue's statements read its partial index, and are cheap, however long the queue is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import pytest

from enrich_service.options import WorkerOptions
from enrich_service.storage.background import BackgroundStorage
from enrich_service.storage.exports import ExportPart, ExportStorage
from enrich_service.storage.queue import QueueStorage
from enrich_service.storage.queue_floor import QueueFloor
from enrich_service.storage.reclaim import ReclaimStorage
from enrich_service.storage.records import RecordStorage
from enrich_service.storage.retention import RetentionStorage
from enrich_service.storage.surveys import SurveyStorage
from enrich_service.storage.titles import TitleRow, TitleStorage
from enrich_service.storage.warm_up import WarmUpStorage
from enrich_service.storage.window import RequestLimit, WindowStorage
from shared.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from typing import TypeVar

    from shared.database import Connection
    from shared.settings import Settings

    T = TypeVar("T")

CLAIMED = 20
"""Of 50,000 queued lookups."""
COMPILED_ABOVE = 100_000
"""`jit_above_cost` as it is by default: the plan of what seems so dear is compiled first."""


class Explaining:
    """A connection that asks for the plan of each statement before it runs it."""

    def __init__(self, connection: Connection, plans: list[dict[str, Any]]) -> None:
        self._connection = connection
        self._plans = plans

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        await self._explain(query, args)
        return await self._connection.fetch(query, *args)

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        await self._explain(query, args)
        return await self._connection.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: object) -> object:
        await self._explain(query, args)
        return await self._connection.fetchval(query, *args)

    async def execute(self, query: str, *args: object) -> str:
        return await self._connection.execute(query, *args)

    def transaction(self) -> object:
        return self._connection.transaction()

    async def _explain(self, query: str, args: tuple[object, ...]) -> None:
        text = await self._connection.fetchval(f"explain (format json) {query}", *args)
        self._plans.append(json.loads(text)[0]["Plan"])


class ExplainingDatabase(Database):
    """Keeps the plan of every statement."""

    plans: list[dict[str, Any]]

    async def _with_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        return await super()._with_connection(
            lambda connection: work(Explaining(connection, self.plans))  # type: ignore[arg-type]  # as much of a connection as the storage uses
        )


@pytest.fixture(params=["force_custom_plan", "force_generic_plan"])
async def database(
    request: pytest.FixtureRequest, dsn: str, settings: Settings
) -> AsyncIterator[ExplainingDatabase]:
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        f"""
        do $$ begin
          execute format('alter database %I set plan_cache_mode = {request.param}',
            current_database());
        end $$
        """
    )
    # As many have their answers as wait for one; a few are in flight, at the clock's time.
    await connection.execute(
        """
        insert into lookups (key, title, due_at, turn)
        select 'title:queued ' || n || '|1999', 'queued', clock_timestamp(), n
        from generate_series(1, 50000) as n;

        insert into catalogue (
          tmdb_id, imdb_id, title, original_title, genres, directors, top_cast, countries,
          languages, vote_count, popularity, fetched_at
        )
        select n, 'tt' || 1000000 + n, 'A', 'A', '{}', '[]', '[]', '{}', '{}', 0, 0,
          clock_timestamp() - n * interval '1 minute'
        from generate_series(1, 50000) as n;

        insert into lookups (key, title, outcome, tmdb_id, confidence, answered_at)
        select 'title:ended ' || n || '|1999', 'ended', 'found', n, 100, clock_timestamp()
        from generate_series(1, 50000) as n;

        insert into titles (name, year, tmdb_id, title, original_title, vote_count, learned_at)
        select 'film ' || n, 1950 + n % 70, n, 'Film', 'Film', n,
          clock_timestamp() - n * interval '1 minute'
        from generate_series(1, 50000) as n;

        update lookups set claimed_by = gen_random_uuid(), claim_token = gen_random_uuid()
        where turn <= 20;

        insert into virtual_times (turn) values (20);
        analyze lookups, virtual_times, catalogue, titles
        """
    )
    await connection.close()
    async with ExplainingDatabase(settings, application_name="explaining") as opened:
        opened.plans = []
        yield opened


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def indexes_read(plans: list[dict[str, Any]]) -> set[str]:
    """The indexes through which `lookups` is read; fails when it is read without one."""
    return indexes_of(plans, "lookups")


def indexes_of(plans: list[dict[str, Any]], table: str) -> set[str]:
    """The indexes through which a table is read; fails when it is read without one."""
    every = [node for plan in plans for node in nodes(plan)]
    assert not [
        node for node in every if node["Node Type"] == "Seq Scan" and node["Relation Name"] == table
    ]
    names = {node["Index Name"] for node in every if "Index Name" in node}
    return {name for name in names if name.startswith(f"{table}_")}


def conditions_on(plans: list[dict[str, Any]], index: str) -> list[str | None]:
    return [
        node.get("Index Cond")
        for plan in plans
        for node in nodes(plan)
        if node.get("Index Name") == index
    ]


def conditions_on_the_queue(plans: list[dict[str, Any]]) -> list[str | None]:
    return conditions_on(plans, "lookups_queue")


def assert_only_the_claimed_part_is_read(plans: list[dict[str, Any]]) -> None:
    conditions = conditions_on_the_queue(plans)
    assert conditions
    for condition in conditions:
        assert condition is not None
        assert "turn <=" in condition or "turn =" in condition


def sorts(plans: list[dict[str, Any]]) -> int:
    return sum("Sort" in node["Node Type"] for plan in plans for node in nodes(plan))


async def test_a_claim_reads_the_head_of_the_queue(database: ExplainingDatabase) -> None:
    claimed = await QueueStorage(database).claim(uuid4(), uuid4(), 10)
    assert [claim.key for claim in claimed] == [
        f"title:queued {CLAIMED + n}|1999" for n in range(1, 11)
    ]
    assert indexes_read(database.plans) == {"lookups_queue", "lookups_pkey"}
    assert sorts(database.plans) == 0, "the index gives the order"


async def test_background_claim_reads_what_is_due_in_the_background(
    database: ExplainingDatabase,
) -> None:
    assert await SurveyStorage(database).queue(200) > 100
    database.plans.clear()
    background = BackgroundStorage(database, QueueFloor())
    claim = await background.claim(
        uuid4(), uuid4(), WorkerOptions().background_pause, in_share=True
    )
    assert claim is not None
    assert indexes_read(database.plans) == {"lookups_background", "lookups_pkey"}
    assert sorts(database.plans) == 0, "the index gives the order"
    conditions = conditions_on(database.plans, "lookups_background")
    assert conditions
    assert all(condition and "due_at >=" in condition for condition in conditions)


async def test_the_view_reads_the_head_of_the_queue_and_what_was_claimed(
    database: ExplainingDatabase,
) -> None:
    view = await QueueStorage(database).view(20)
    assert view.due == 20
    assert indexes_read(database.plans) == {"lookups_queue", "lookups_due", "lookups_background"}
    assert sorts(database.plans) == 0, "as far as there is room"
    (background,) = conditions_on(database.plans, "lookups_background")
    assert background is not None
    assert "due_at >=" in background
    (due,) = conditions_on_the_queue(database.plans)
    assert due is not None
    assert "ROW(turn, id) >=" in due
    assert "turn <" in due


async def test_a_rescue_reads_the_part_of_the_queue_that_was_claimed(
    database: ExplainingDatabase,
) -> None:
    assert (await ReclaimStorage(database).reclaim_silent(uuid4(), 12.0)).freed == CLAIMED
    assert indexes_read(database.plans) - {"lookups_background"} == {
        "lookups_queue",
        "lookups_pkey",
    }
    assert_only_the_claimed_part_is_read(database.plans)


async def test_giving_back_ones_claims_reads_the_part_of_the_queue_that_was_claimed(
    database: ExplainingDatabase,
) -> None:
    assert await ReclaimStorage(database).release_all(uuid4()) == 0
    assert indexes_read(database.plans) <= {"lookups_queue", "lookups_background", "lookups_pkey"}
    assert_only_the_claimed_part_is_read(database.plans)


async def test_refreshes_read_the_oldest_records_and_who_has_them(
    database: ExplainingDatabase,
) -> None:
    await RecordStorage(database).queue_refreshes(30, 20)
    assert indexes_read(database.plans) <= {
        "lookups_queue",
        "lookups_background",
        "lookups_record",
        "lookups_pkey",
    }
    assert indexes_of(database.plans, "catalogue") == {"catalogue_age", "catalogue_pkey"}


async def test_records_that_nobody_needs_are_found_among_the_oldest(
    database: ExplainingDatabase,
) -> None:
    assert await RetentionStorage(database).drop_records(30) == 0
    assert indexes_of(database.plans, "catalogue") <= {"catalogue_age", "catalogue_pkey"}
    assert indexes_read(database.plans) == {"lookups_record"}


async def test_namesakes_are_found_by_the_key_of_the_index(database: ExplainingDatabase) -> None:
    found = await TitleStorage(database).namesakes({"film 50", "film 51"}, 2000)
    assert {film.tmdb_id for film in found.films} == {50, 51}
    assert indexes_of(database.plans, "titles") == {"titles_pkey"}


@pytest.mark.parametrize("film", [7, "tt1000007"])
async def test_a_fresh_record_is_found_by_either_id(
    database: ExplainingDatabase, film: int | str
) -> None:
    assert await TitleStorage(database).fresh_record(film, 30) == 7
    assert indexes_of(database.plans, "catalogue") <= {"catalogue_pkey", "catalogue_imdb"}


async def test_what_is_learned_is_compared_by_key_and_what_is_old_found_by_age(
    database: ExplainingDatabase,
) -> None:
    titles = TitleStorage(database)
    await titles.learn(TitleRow(f"film {n}", 1990, n, "Film", "Film", n) for n in range(1, 60))
    assert await titles.expire_old(20, 10) == 10
    assert indexes_of(database.plans, "titles") == {"titles_pkey", "titles_age"}


async def test_exported_films_are_read_and_written_by_name(
    database: ExplainingDatabase, dsn: str
) -> None:
    exports = ExportStorage(database)
    await database.fetchval(
        "insert into exported_films select n, n, 1 from generate_series(1, 50000) as n"
    )
    await database.fetchval("update export_loads set day = current_date")
    connection = await asyncpg.connect(dsn)
    await connection.execute("analyze exported_films")
    await connection.close()
    database.plans.clear()
    assert (await exports.namesakes({7}, {"film 7"})).popularities == {7: 1.0}
    assert await exports.write(ExportPart(1, 200, [1, 201], [1, 9], [1.0, 2.0])) == 200
    assert indexes_of(database.plans, "exported_films") == {"exported_films_pkey"}
    assert indexes_of(database.plans, "titles") == {"titles_pkey"}


async def test_what_is_learned_in_advance_is_queued_by_key_and_by_votes(
    database: ExplainingDatabase,
) -> None:
    assert await SurveyStorage(database).queue(200) > 100
    assert await WarmUpStorage(database).queue(1_000, 200) == 0, "not before the surveys end"
    assert indexes_read(database.plans) <= {
        "lookups_queue",
        "lookups_background",
        "lookups_key_key",
        "lookups_pkey",
    }
    assert indexes_of(database.plans, "titles") == {"titles_votes"}


async def test_no_statement_of_a_wake_up_seems_worth_compiling(
    database: ExplainingDatabase,
) -> None:
    """Compiling takes hundreds of times as long as running such a statement."""
    await QueueStorage(database).view(20)
    await WindowStorage(database).take(RequestLimit(), 40)
    await QueueStorage(database).claim(uuid4(), uuid4(), 20)
    assert len(database.plans) >= 3
    for plan in database.plans:
        assert plan["Total Cost"] < COMPILED_ABOVE / 10
