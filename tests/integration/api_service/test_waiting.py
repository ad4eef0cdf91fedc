"""A list that waits for others of its client: its status says so, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from api_service.storage import StorageService
from api_service.storage.fleet import TurnsUntil
from benchmarks.client_uploads import ClientUploads, Named
from shared.sql.turn_grants import SHARES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from shared.postgres.database import Database
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service, Until

SECONDS_PER_FILM = 2 * 10.2
"""With one request in 10.2 s, and two a film."""


def films(name: str, count: int) -> list[Named]:
    """So many films that no list of another name has."""
    return [Named(f"{name} {number}", 2000) for number in range(count)]


@pytest.fixture
def uploads(database: Database, tmp_path: Path) -> ClientUploads:
    """Lists of named clients."""
    return ClientUploads(database, tmp_path)


async def test_a_list_waits_until_one_of_four_others_has_had_its_turns(
    uploads: ClientUploads, service: Service, daemon: Daemon, until: Until
) -> None:
    await daemon.beat()
    large = [str(await uploads.store("one", films(f"list {n}", 10))) for n in range(SHARES)]
    small = str(await uploads.store("one", films("small", 2)))
    other = str(await uploads.store("two", films("other", 2)))
    assert [(await service.status(one))["waiting"] for one in large] == [False] * SHARES
    assert (await service.status(other))["waiting"] is False
    assert (await service.status(small))["waiting"] is True
    await daemon.answer(not_found=[f"title:list 0 {number}|2000" for number in range(10)])

    async def waits() -> bool:
        return bool((await service.status(small))["waiting"])

    async def has_begun() -> bool:
        return not await waits()

    await until(has_begun)
    await daemon.answer(not_found=["title:small 0|2000", "title:small 1|2000"])
    assert await service.counts(small) == ("completed", 2, 0, 2, 0)
    assert not await waits()


async def test_the_time_left_counts_up_to_the_last_turn_of_a_waiting_list(
    make_service: Callable[..., Awaitable[Service]], uploads: ClientUploads, daemon: Daemon
) -> None:
    await daemon.beat()
    service = await make_service(tmdb_rate_limit=1)
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    small = str(await uploads.store("one", films("small", 2)))
    status = await service.status(small)
    assert status["eta_seconds"] == pytest.approx((10 * SHARES + 2) * SECONDS_PER_FILM, abs=11)


async def test_turns_until_are_those_of_grants_that_the_clock_has_not_passed(
    uploads: ClientUploads, database: Database
) -> None:
    storage = StorageService(database).fleet
    session_id = await uploads.store("one", films("list", 10))
    assert await storage.turns_until(session_id) == TurnsUntil(0, 10)
    await database.fetchval("insert into virtual_times (turn) values (4)")
    assert await storage.turns_until(session_id) == TurnsUntil(0, 6)
    await database.fetchval("update queue_grants set first_turn = 11, last_turn = 20")
    assert await storage.turns_until(session_id) == TurnsUntil(6, 16)
    await database.fetchval("insert into virtual_times (turn) values (20)")
    assert await storage.turns_until(session_id) == TurnsUntil(0, 0)


async def test_granted_turns_are_counted_up_to_a_turn(
    uploads: ClientUploads, database: Database
) -> None:
    storage = StorageService(database).fleet
    assert await storage.granted_until(10) == 0
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    await uploads.store("one", films("small", 2))
    assert [await storage.granted_until(turns) for turns in (5, 11, 50)] == [20, 41, 42]
    await database.fetchval("insert into virtual_times (turn) values (4)")
    assert [await storage.granted_until(turns) for turns in (1, 50)] == [4, 26]


async def test_a_list_of_films_that_its_client_queued_before_waits_with_them(
    uploads: ClientUploads, service: Service, daemon: Daemon, database: Database
) -> None:
    await daemon.beat()
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    before = await uploads.store("one", films("small", 4))
    same = await uploads.store("one", films("small", 4))
    more = await uploads.store("one", [*films("list 0", 2), *films("small", 4)])
    other = await uploads.store("two", films("list 0", 10))
    storage = StorageService(database).fleet
    assert await storage.turns_until(before) == TurnsUntil(10, 14)
    assert await storage.turns_until(same) == TurnsUntil(10, 14)
    assert await storage.turns_until(more) == TurnsUntil(0, 14)
    assert await storage.turns_until(other) == TurnsUntil(0, 10)
    statuses = [await service.status(str(one)) for one in (before, same, more, other)]
    assert [status["waiting"] for status in statuses] == [True, True, False, False]
    assert statuses[0]["eta_seconds"] == statuses[1]["eta_seconds"] == statuses[2]["eta_seconds"]


async def test_an_addition_of_films_that_wait_waits_with_them(
    uploads: ClientUploads, service: Service, database: Database
) -> None:
    first = await uploads.store("one", films("first", 1))
    for number in range(SHARES):
        await uploads.store("one", films(f"list {number}", 10))
    await uploads.store("one", films("small", 2))
    await database.fetchval("insert into virtual_times (turn) values (1)")
    answer = await service.client.post(
        f"/api/session/{first}/upload",
        data="Title,Year\nSmall 0,2000\nSmall 1,2000\n",
        headers={"Content-Type": "text/csv"},
    )
    assert answer.status == 200, await answer.text()
    last = await database.fetchval("select max(turn) from lookups where key like 'title:small%'")
    assert (await StorageService(database).fleet.turns_until(first)).last == last - 1
