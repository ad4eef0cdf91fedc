"""The fleet's rows: heartbeats, the pause, and what all daemons know of TMDB."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
import pytest

from enrich_service.storage.fleet import Heartbeat
from shared.models import TMDBState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from enrich_service.storage import StorageService
    from shared.postgres.database import Database

    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def beat_of(worker: UUID, in_flight: int = 0, *, draining: bool = False) -> Heartbeat:
    return Heartbeat(worker, "host:1", NOW, NOW, 10.0, in_flight, draining=draining)


async def fleet(database: Database) -> asyncpg.Record:
    row = await database.fetchrow(
        """
        select *,
          extract(epoch from tmdb_probe_at - clock_timestamp())::float8 as next_probe
        from fleet
        """
    )
    assert row is not None
    return row


@pytest.fixture
async def control(dsn: str) -> AsyncIterator[list[str]]:
    """What was notified of the fleet's control."""
    heard: list[str] = []
    connection = await asyncpg.connect(dsn)
    await connection.add_listener("fleet_control", lambda *said: heard.append(str(said[-1])))
    yield heard
    await connection.close()


async def test_a_heartbeat_says_what_the_worker_does(
    storage: StorageService, database: Database
) -> None:
    worker = uuid4()
    await storage.fleet.beat(beat_of(worker))
    first = await database.fetchrow("select * from workers")
    await storage.fleet.beat(beat_of(worker, 7, draining=True))
    second = await database.fetchrow("select * from workers")
    assert first is not None
    assert second is not None
    assert (second["id"], second["host"], second["last_run"]) == (worker, "host:1", NOW)
    assert (second["in_flight"], second["draining"], second["interval_seconds"]) == (7, True, 10.0)
    assert second["heartbeat_at"] > first["heartbeat_at"]
    assert second["started_at"] == first["started_at"]


async def test_workers_that_are_long_gone_are_forgotten(
    storage: StorageService, database: Database
) -> None:
    gone, silent, living = uuid4(), uuid4(), uuid4()
    for worker in (gone, silent):
        await storage.fleet.beat(beat_of(worker))
    await database.fetchval(
        "update workers set heartbeat_at = clock_timestamp() - interval '11 min' where id = $1",
        gone,
    )
    await database.fetchval(
        "update workers set heartbeat_at = clock_timestamp() - interval '9 min' where id = $1",
        silent,
    )
    await storage.fleet.beat(beat_of(living))
    left = await database.fetchval("select array_agg(id) from workers")
    assert set(left) == {silent, living}


async def test_a_worker_back_from_a_long_sleep_does_not_forget_itself(
    storage: StorageService, database: Database
) -> None:
    worker = uuid4()
    await storage.fleet.beat(beat_of(worker))
    await database.fetchval("update workers set heartbeat_at = '2020-01-01'")
    await storage.fleet.beat(beat_of(worker))
    assert await database.fetchval("select heartbeat_at > '2021-01-01' from workers")


async def test_who_leaves_takes_its_row_along(storage: StorageService, database: Database) -> None:
    leaving, staying = uuid4(), uuid4()
    for worker in (leaving, staying):
        await storage.fleet.beat(beat_of(worker))
    await storage.fleet.deregister(leaving)
    assert await database.fetchval("select array_agg(id) from workers") == [staying]


async def test_pausing_twice_keeps_the_first_time_and_resuming_forgets_it(
    storage: StorageService, database: Database, control: list[str], until: Until
) -> None:
    await storage.fleet.set_paused(paused=True)
    since = (await fleet(database))["paused_since"]
    await storage.fleet.set_paused(paused=True)
    assert (await fleet(database))["paused_since"] == since
    assert (await storage.queue.view(1)).paused
    await storage.fleet.set_paused(paused=False)
    assert (await fleet(database))["paused_since"] is None
    assert not (await storage.queue.view(1)).paused

    async def all_heard() -> bool:
        return len(control) == 3

    await until(all_heard)


async def test_each_failed_probe_doubles_the_pause_up_to_the_longest(
    storage: StorageService, database: Database
) -> None:
    pauses = []
    for _ in range(6):
        await storage.fleet.tmdb_is_out(
            TMDBState.DOWN, "HTTP 500", first_pause=10, longest_pause=100
        )
        pauses.append((await fleet(database))["next_probe"])
    assert pauses == pytest.approx([10, 20, 40, 80, 100, 100], abs=1)


async def test_those_who_find_out_the_same_outage_later_do_not_lengthen_the_pause(
    storage: StorageService, database: Database
) -> None:
    for _ in range(8):
        await storage.fleet.tmdb_is_out(
            TMDBState.DOWN, "HTTP 500", lengthen=False, first_pause=10, longest_pause=100
        )
    assert 9 < (await fleet(database))["next_probe"] <= 10


async def test_the_pause_never_overflows(storage: StorageService, database: Database) -> None:
    await storage.fleet.tmdb_is_out(TMDBState.DOWN, "HTTP 500", first_pause=1, longest_pause=60)
    await database.fetchval("update fleet set tmdb_probes = 100000")
    await storage.fleet.tmdb_is_out(TMDBState.DOWN, "HTTP 500", first_pause=1, longest_pause=60)
    assert 59 < (await fleet(database))["next_probe"] <= 60


async def test_an_outage_is_dated_from_its_beginning(
    storage: StorageService, database: Database
) -> None:
    await storage.fleet.tmdb_is_out(TMDBState.DOWN, "first", first_pause=1, longest_pause=60)
    first = await fleet(database)
    await storage.fleet.tmdb_is_out(TMDBState.DOWN, "second", first_pause=1, longest_pause=60)
    second = await fleet(database)
    assert (second["tmdb_since"], second["tmdb_reason"]) == (first["tmdb_since"], "second")
    await storage.fleet.tmdb_is_out(TMDBState.REFUSED, "key", first_pause=1, longest_pause=60)
    third = await fleet(database)
    assert third["tmdb_since"] > first["tmdb_since"]
    assert third["tmdb_state"] == "refused"


async def test_what_comes_back_is_told_once(
    storage: StorageService, database: Database, control: list[str], until: Until
) -> None:
    await storage.fleet.tmdb_is_up()
    since = (await fleet(database))["tmdb_since"]
    await storage.fleet.tmdb_is_out(TMDBState.DOWN, "HTTP 500", first_pause=1, longest_pause=60)
    await storage.fleet.tmdb_is_up()
    await storage.fleet.tmdb_is_up()
    row = await fleet(database)
    assert (row["tmdb_state"], row["tmdb_reason"], row["tmdb_probes"]) == ("up", None, 0)
    assert row["tmdb_since"] > since

    async def heard() -> bool:
        return len(control) >= 2

    await until(heard)
    assert len(control) == 2


async def test_one_daemon_wins_the_probe_when_its_time_has_come(
    storage: StorageService, database: Database
) -> None:
    assert not await storage.fleet.win_probe(60), "TMDB is up"
    await storage.fleet.tmdb_is_out(TMDBState.DOWN, "HTTP 500", first_pause=30, longest_pause=60)
    assert not await storage.fleet.win_probe(60), "too early"
    await database.fetchval("update fleet set tmdb_probe_at = clock_timestamp()")
    won = await asyncio.gather(*(storage.fleet.win_probe(60) for _ in range(8)))
    assert sum(won) == 1
    assert 59 < (await fleet(database))["next_probe"] <= 60, "and should it die, another may"


async def test_clock_set_back_is_mended_by_the_next_heartbeat(
    storage: StorageService, database: Database
) -> None:
    """Of a dead worker, of TMDB's probe and of the queue nothing stays an hour ahead."""
    dead, living = uuid4(), uuid4()
    await storage.fleet.beat(beat_of(dead))
    await database.fetchval(
        """
        update workers set heartbeat_at = clock_timestamp() + interval '1 hour'
        """
    )
    await database.fetchval(
        """
        update fleet
        set tmdb_state = 'down', tmdb_probe_at = clock_timestamp() + interval '1 hour'
        """
    )
    await database.fetchval(
        """
        insert into lookups (key, due_at, turn)
        values
          ('tmdb:1', clock_timestamp() + interval '1 hour', 1),
          ('tmdb:2', clock_timestamp() + interval '50 s', 2),
          ('tmdb:3', clock_timestamp() + interval '1 day', $1)
        """,
        2**63 - 1,
    )
    assert (await storage.fleet.beat(beat_of(living))).are_ahead
    await storage.fleet.mend_times(60.0)
    assert not (await storage.fleet.beat(beat_of(living))).are_ahead
    ahead = await database.fetchval(
        "select array_agg(key order by key) from lookups where due_at > clock_timestamp()"
    )
    assert ahead == ["tmdb:2", "tmdb:3"], "a backoff, and what nobody waits for"
    assert (await fleet(database))["next_probe"] <= 60
