"""The queue: claims in turn, never twice, and back again when their worker gives up or dies."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import asyncpg
import pytest

from enrich_service.lookups import Claim
from enrich_service.storage import StorageService
from enrich_service.storage.fleet import Heartbeat
from shared.models import TMDBState
from shared.postgres.database import Database

if TYPE_CHECKING:
    from shared.settings import Settings
    from tests.integration.enrich_service.conftest import Lists

SILENT = 12.0


def titles(count: int, prefix: str = "film") -> list[str]:
    return [f"title:{prefix} {number:03}|1999" for number in range(count)]


async def claim(
    storage: StorageService, wanted: int, worker: UUID | None = None, **only: UUID
) -> list[Claim]:
    return await storage.queue.claim(worker or uuid4(), uuid4(), wanted, **only)


async def beat(storage: StorageService, worker: UUID) -> None:
    now = datetime.now(UTC)
    await storage.fleet.beat(Heartbeat(worker, "host:1", now, now, 10.0, 0, draining=False))


async def virtual_time(database: Database) -> int:
    return int(await database.fetchval("select max(turn) from virtual_times"))


# -- claims ------------------------------------------------------------------------------------


async def test_claims_come_in_the_order_of_the_list(storage: StorageService, lists: Lists) -> None:
    keys = titles(7)
    await lists.add(*keys)
    first = await claim(storage, 3)
    second = await claim(storage, 10)
    assert [claimed.key for claimed in first + second] == keys


async def test_two_lists_alternate_film_by_film(storage: StorageService, lists: Lists) -> None:
    await lists.add(*titles(6, "long"))
    await lists.add(*titles(2, "short"))
    claimed = [one.key.partition(" ")[0] for one in await claim(storage, 8)]
    assert claimed == ["title:long", "title:short"] * 2 + ["title:long"] * 4


async def test_a_new_list_starts_where_the_queue_stands(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(*titles(20, "old"))
    await claim(storage, 15)
    assert await virtual_time(database) == 15
    await lists.add(*titles(2, "new"))
    claimed = [one.key for one in await claim(storage, 4)]
    assert claimed == [
        "title:old 015|1999",
        "title:new 000|1999",
        "title:old 016|1999",
        "title:new 001|1999",
    ]


async def test_the_clock_never_goes_back(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(*titles(3))
    await claim(storage, 3)
    await database.fetchval("update lookups set claimed_by = null, claim_token = null, turn = 1")
    await claim(storage, 3)
    assert await virtual_time(database) == 3


async def test_a_claim_says_what_to_ask(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add("title:heat|1995")
    await database.fetchval("update lookups set attempts = 2")
    token = uuid4()
    worker = uuid4()
    (claimed,) = await storage.queue.claim(worker, token, 5)
    row = await lists.lookup("title:heat|1995")
    assert claimed == Claim(row["id"], "title:heat|1995", "heat", 2, token)
    assert (row["claimed_by"], row["claim_token"]) == (worker, token)


async def test_several_claimers_never_get_the_same_film(
    storage: StorageService, lists: Lists, settings: Settings
) -> None:
    keys = titles(120)
    await lists.add(*keys)

    async def claim_all(database: Database) -> list[str]:
        mine: list[str] = []
        while claimed := await claim(StorageService(database), 3):
            mine += [one.key for one in claimed]
        return mine

    async with (
        Database(settings, application_name="one") as one,
        Database(settings, application_name="other") as other,
    ):
        claimed = await asyncio.gather(*(claim_all(base) for base in (one, other) for _ in "123"))
    assert sorted(key for keys in claimed for key in keys) == keys
    assert await claim(storage, 3) == []


async def test_a_film_that_another_claimer_holds_is_skipped_and_not_waited_for(
    storage: StorageService, lists: Lists, dsn: str
) -> None:
    keys = titles(3)
    await lists.add(*keys)
    other = await asyncpg.connect(dsn)
    try:
        async with other.transaction():
            await other.execute("select 1 from lookups where key = $1 for update", keys[0])
            assert [one.key for one in await claim(storage, 3)] == keys[1:]
    finally:
        await other.close()
    assert [one.key for one in await claim(storage, 3)] == keys[:1]


async def test_films_of_an_upload_in_progress_can_be_claimed(
    storage: StorageService, lists: Lists, dsn: str
) -> None:
    keys = titles(3)
    await lists.add(*keys)
    upload = await asyncpg.connect(dsn)
    try:
        async with upload.transaction():
            await upload.execute("select 1 from lookups for key share")
            assert [one.key for one in await claim(storage, 3)] == keys
    finally:
        await upload.close()


async def test_what_backs_off_is_neither_due_nor_claimed(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    keys = titles(3)
    await lists.add(*keys)
    await database.fetchval(
        "update lookups set due_at = clock_timestamp() + interval '30 s', turn = 0 where key = $1",
        keys[1],
    )
    view = await storage.queue.view(20)
    assert view.due == 2
    assert view.next_due is not None
    assert 29 < view.next_due <= 30
    assert [one.key for one in await claim(storage, 5)] == [keys[0], keys[2]]


async def test_only_one_sessions_films_are_claimed_when_asked(
    storage: StorageService, lists: Lists
) -> None:
    await lists.add(*titles(5, "other"), "title:shared|1999")
    mine = await lists.add("title:mine|1999", "title:shared|1999")
    view = await storage.queue.view(20, mine)
    assert view.due == 2
    claimed = await claim(storage, 20, session_id=mine)
    assert sorted(one.key for one in claimed) == ["title:mine|1999", "title:shared|1999"]
    assert (await storage.queue.view(20, mine)).due == 0
    assert (await storage.queue.view(20)).due == 5


async def test_the_view_counts_no_further_than_there_is_room(
    storage: StorageService, lists: Lists
) -> None:
    await lists.add(*titles(9))
    assert (await storage.queue.view(4)).due == 4
    assert (await storage.queue.view(0)).due == 0


async def test_the_view_of_an_empty_queue(storage: StorageService) -> None:
    view = await storage.queue.view(20)
    assert (view.paused, view.tmdb_state, view.due) == (False, TMDBState.UP, 0)
    assert (view.next_due, view.next_probe) == (None, None)


async def test_a_fleet_without_its_row_is_a_defect_that_is_named(
    storage: StorageService, database: Database
) -> None:
    await database.fetchval("delete from fleet")
    with pytest.raises(RuntimeError, match="fleet"):
        await storage.queue.view(1)


async def test_a_claim_is_a_hot_update(settings: Settings) -> None:
    async with Database(settings, application_name="one connection", max_size=1) as database:
        await database.fetchval(
            """
            insert into lookups (key, title, due_at, turn)
            select 'title:film ' || n || '|1999', 'film ' || n, clock_timestamp(), n
            from generate_series(1, 300) as n
            """
        )
        await claim(StorageService(database), 10)
        await database.fetchval("select pg_stat_force_next_flush()")
        row = await database.fetchrow(
            "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'lookups'"
        )
    assert row is not None
    assert (row["n_tup_upd"], row["n_tup_hot_upd"]) == (10, 10)


# -- giving back and retrying ------------------------------------------------------------------


async def test_what_is_given_back_is_due_again_with_its_attempts_as_they_were(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(*titles(3))
    await database.fetchval("update lookups set attempts = 3")
    claims = await claim(storage, 3)
    for one in claims:
        await storage.queue.release(one)
    again = await claim(storage, 3)
    assert [one.key for one in again] == titles(3)
    assert [one.attempts for one in again] == [3, 3, 3]


async def test_what_is_given_back_with_a_pause_is_not_due_before_it_ends(
    storage: StorageService, lists: Lists
) -> None:
    await lists.add("title:heat|1995")
    (only,) = await claim(storage, 1)
    await storage.queue.release(only, pause_seconds=30)
    assert await claim(storage, 1) == []
    view = await storage.queue.view(5)
    assert view.next_due is not None
    assert 29 < view.next_due <= 30


async def test_a_retry_counts_the_attempt_and_comes_before_those_who_came_later(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add(*titles(5))
    first, *_ = await claim(storage, 2)
    await storage.queue.retry(first, attempts=first.attempts + 1, backoff_seconds=0)
    again, *_ = await claim(storage, 5)
    assert (again.key, again.attempts) == (first.key, 1)
    assert (await lists.lookup(first.key))["turn"] == 3
    assert await virtual_time(database) == 5


async def test_films_that_an_outage_gave_back_take_turns_with_a_new_list(
    storage: StorageService, lists: Lists
) -> None:
    old, new = titles(8)[:5], titles(8)[5:]
    await lists.add(*old)
    for one in await claim(storage, 5):
        await storage.queue.release(one)
    await lists.add(*new)
    queued = [one.key for one in await claim(storage, 8)]
    assert queued == [old[0], new[0], old[1], new[1], old[2], new[2], old[3], old[4]]


async def test_late_news_of_a_lost_claim_changes_nothing(
    storage: StorageService, lists: Lists
) -> None:
    await lists.add("title:heat|1995")
    (lost,) = await claim(storage, 1)
    await storage.queue.release(lost)
    (mine,) = await claim(storage, 1)
    before = await lists.lookup(mine.key)
    await storage.queue.release(lost)
    await storage.queue.retry(lost, attempts=4, backoff_seconds=60)
    assert await lists.lookup(mine.key) == before


# -- reclaiming ------------------------------------------------------------------------------------


async def test_claims_of_the_silent_and_the_unknown_are_rescued_and_of_the_living_not(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    keys = titles(4)
    await lists.add(*keys)
    reclaimer, silent, living, gone = (uuid4() for _ in range(4))
    for worker in (reclaimer, silent, living):
        await beat(storage, worker)
    await claim(storage, 1, silent)
    await claim(storage, 1, living)
    await claim(storage, 1, gone)
    await database.fetchval(
        "update workers set heartbeat_at = clock_timestamp() - interval '13 s' where id = $1",
        silent,
    )
    await database.fetchval(
        "update workers set heartbeat_at = clock_timestamp() - interval '11 s' where id = $1",
        living,
    )
    assert (await storage.reclaim.reclaim_silent(reclaimer, SILENT)).freed == 2
    assert [one.key for one in await claim(storage, 4)] == [keys[0], keys[2], keys[3]]


async def test_a_rescue_tells_which_claims_stand_in_ones_own_name_and_leaves_them(
    storage: StorageService, lists: Lists
) -> None:
    keys = titles(3)
    await lists.add(*keys)
    me = uuid4()
    await beat(storage, me)
    first = await claim(storage, 1, me)
    second = await claim(storage, 2, me)
    found = await storage.reclaim.reclaim_silent(me, SILENT)
    assert found.freed == 0
    assert found.own == {one.token_at for one in first + second}
    await storage.reclaim.release_lost([one.token_at for one in second])
    found = await storage.reclaim.reclaim_silent(me, SILENT)
    assert found.own == {first[0].token_at}
    assert [one.key for one in await claim(storage, 3)] == keys[1:]


async def test_claims_that_were_made_anew_are_not_given_back_as_lost(
    storage: StorageService, lists: Lists
) -> None:
    await lists.add("title:heat|1995")
    (lost,) = await claim(storage, 1)
    await storage.queue.release(lost)
    (present,) = await claim(storage, 1)
    await storage.reclaim.release_lost([lost.token_at])
    assert (await lists.lookup(present.key))["claim_token"] == present.token


async def test_who_leaves_gives_back_every_claim_in_its_name_and_nobody_elses(
    storage: StorageService, lists: Lists
) -> None:
    keys = titles(4)
    await lists.add(*keys)
    leaving, staying = uuid4(), uuid4()
    await claim(storage, 2, leaving)
    await claim(storage, 1, staying)
    await claim(storage, 1, leaving)
    assert await storage.reclaim.release_all(leaving) == 3
    assert await storage.reclaim.release_all(leaving) == 0
    assert [one.key for one in await claim(storage, 4)] == [keys[0], keys[1], keys[3]]


async def test_a_rescue_changes_no_attempts_and_no_turn(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add("title:heat|1995")
    await database.fetchval("update lookups set attempts = 2")
    await claim(storage, 1)
    before = await lists.lookup("title:heat|1995")
    assert (await storage.reclaim.reclaim_silent(uuid4(), SILENT)).freed == 1
    after = await lists.lookup("title:heat|1995")
    assert (after["attempts"], after["turn"]) == (before["attempts"], before["turn"])
    assert (after["claimed_by"], after["claim_token"]) == (None, None)


async def test_a_rescue_waits_for_nobody(storage: StorageService, lists: Lists, dsn: str) -> None:
    keys = titles(2)
    await lists.add(*keys)
    claims = await claim(storage, 2)
    other = await asyncpg.connect(dsn)
    try:
        async with other.transaction():
            await other.execute("select 1 from lookups where key = $1 for update", keys[0])
            assert (await storage.reclaim.reclaim_silent(uuid4(), SILENT)).freed == 1
            await storage.reclaim.release_lost([claims[0].token_at])
            assert (await lists.lookup(keys[0]))["claim_token"] == claims[0].token
    finally:
        await other.close()
    assert (await storage.reclaim.reclaim_silent(uuid4(), SILENT)).freed == 1


# -- probes of TMDB show in the view -----------------------------------------------------------


async def test_the_view_says_when_tmdb_may_be_probed(storage: StorageService) -> None:
    await storage.fleet.tmdb_is_out(TMDBState.DOWN, "500", first_pause=30, longest_pause=60)
    view = await storage.queue.view(5)
    assert view.tmdb_state is TMDBState.DOWN
    assert view.next_probe is not None
    assert timedelta(seconds=view.next_probe) > timedelta(seconds=29)
