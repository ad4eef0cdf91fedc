"""The queue's statements read its partial index, however long the queue is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import pytest

from enrich_service.storage.queue import QueueStorage
from shared.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from typing import TypeVar

    from shared.database import Connection
    from shared.settings import Settings

    T = TypeVar("T")

CLAIMED = 20
"""Of 50,000 queued lookups."""


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

        insert into lookups (key, title, outcome, answered_at)
        select 'title:ended ' || n || '|1999', 'ended', 'not_found', clock_timestamp()
        from generate_series(1, 50000) as n;

        update lookups set claimed_by = gen_random_uuid(), claim_token = gen_random_uuid()
        where turn <= 20;

        update queue_clock set virtual_time = 20;
        analyze lookups;
        analyze queue_clock
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
    every = [node for plan in plans for node in nodes(plan)]
    assert not [
        node
        for node in every
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] == "lookups"
    ]
    names = {node["Index Name"] for node in every if "Index Name" in node}
    return {name for name in names if name.startswith("lookups_")}


def conditions_on_the_queue(plans: list[dict[str, Any]]) -> list[str | None]:
    return [
        node.get("Index Cond")
        for plan in plans
        for node in nodes(plan)
        if node.get("Index Name") == "lookups_queue"
    ]


def sorts(plans: list[dict[str, Any]]) -> int:
    return sum("Sort" in node["Node Type"] for plan in plans for node in nodes(plan))


async def test_a_claim_reads_the_head_of_the_queue(database: ExplainingDatabase) -> None:
    claimed = await QueueStorage(database).claim(uuid4(), uuid4(), 10)
    assert [claim.key for claim in claimed] == [
        f"title:queued {CLAIMED + n}|1999" for n in range(1, 11)
    ]
    assert indexes_read(database.plans) == {"lookups_queue", "lookups_pkey"}
    assert sorts(database.plans) == 0, "the index gives the order"


async def test_the_view_reads_the_head_of_the_queue_and_what_was_claimed(
    database: ExplainingDatabase,
) -> None:
    view = await QueueStorage(database).view(20)
    assert view.due == 20
    assert indexes_read(database.plans) == {"lookups_queue"}
    assert sorts(database.plans) == 0
    due, next_due = conditions_on_the_queue(database.plans)
    assert due is None, "as far as there is room"
    assert next_due is not None
    assert "turn <=" in next_due


async def test_a_rescue_reads_the_part_of_the_queue_that_was_claimed(
    database: ExplainingDatabase,
) -> None:
    assert (await QueueStorage(database).rescue_silent(uuid4(), 12.0)).freed == CLAIMED
    assert indexes_read(database.plans) == {"lookups_queue", "lookups_pkey"}
    for condition in conditions_on_the_queue(database.plans):
        assert condition is not None
        assert "turn <=" in condition


async def test_giving_back_ones_claims_reads_the_part_of_the_queue_that_was_claimed(
    database: ExplainingDatabase,
) -> None:
    assert await QueueStorage(database).give_back_all(uuid4()) == 0
    assert indexes_read(database.plans) <= {"lookups_queue", "lookups_pkey"}
    (condition,) = conditions_on_the_queue(database.plans)
    assert condition is not None
    assert "turn <=" in condition
