"""Asking again: what was not found or failed is queued anew, and every count goes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Notified, Service, Until

FOUND, LOST, BROKEN, WAITING = (f"title:{name}|2000" for name in ("a", "b", "c", "d"))


async def force(service: Service, session_id: str) -> dict[str, Any]:
    response = await service.client.post(f"/api/session/{session_id}/enrich")
    answer: dict[str, Any] = await response.json()
    assert response.status == 202, answer
    assert await service.drifted() == []
    return answer


async def test_only_what_ended_in_vain_is_asked_again(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("A,2000", "B,2000", "C,2000")
    await daemon.answer(found={FOUND: 1}, not_found=[LOST], failed=[BROKEN])
    assert await service.counts(session_id) == ("completed", 3, 1, 1, 1)

    answer = await force(service, session_id)
    assert answer["requeued"] == 2
    assert (answer["status"], answer["completed_at"]) == ("enriching", None)
    assert (answer["enriched_count"], answer["not_found_count"], answer["failed_count"]) == (
        1,
        0,
        0,
    )
    assert sorted(await service.queue()) == [LOST, BROKEN]
    lookup = await service.lookup(LOST)
    assert [lookup[name] for name in ("outcome", "reason", "answered_at", "candidates")] == (
        [None] * 4
    )
    assert lookup["attempts"] == 0

    await daemon.answer(found={LOST: 2, BROKEN: 3})
    assert await service.counts(session_id) == ("completed", 3, 3, 0, 0)


async def test_a_session_in_which_all_was_found_stays_complete(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("A,2000")
    await daemon.answer(found={FOUND: 1})
    answer = await force(service, session_id)
    assert (answer["requeued"], answer["status"]) == (0, "completed")
    assert await service.queue() == []


async def test_forcing_twice_asks_once(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("A,2000", "B,2000")
    await daemon.answer(not_found=[FOUND, LOST])
    answers = await asyncio.gather(*[force(service, session_id) for _ in range(4)])
    assert sum(answer["requeued"] for answer in answers) == 2
    assert await service.counts(session_id) == ("enriching", 2, 0, 0, 0)


async def test_every_session_that_lists_the_film_moves(service: Service, daemon: Daemon) -> None:
    mine = await service.session("B,2000", "C,2000")
    shared = await service.session("B,2000", "A,2000")
    unconcerned = await service.session("A,2000")
    await daemon.answer(found={FOUND: 1}, not_found=[LOST], failed=[BROKEN])
    await force(service, mine)
    assert await service.counts(mine) == ("enriching", 2, 0, 0, 0)
    assert await service.counts(shared) == ("enriching", 2, 1, 0, 0)
    assert await service.counts(unconcerned) == ("completed", 1, 1, 0, 0)


async def test_what_another_session_lost_is_left_alone(service: Service, daemon: Daemon) -> None:
    mine = await service.session("B,2000")
    other = await service.session("C,2000")
    await daemon.answer(not_found=[LOST, BROKEN])
    await force(service, mine)
    assert await service.queue() == [LOST]
    assert await service.counts(other) == ("completed", 1, 0, 1, 0)


async def test_what_is_in_flight_is_left_alone(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("B,2000", "D,2000")
    await daemon.claim(WAITING)
    before = await service.lookup(WAITING)
    # A refresh of something that had not been found is in flight too.
    await daemon.answer(not_found=[LOST])
    await service.database.fetchval(
        """
        update lookups
        set due_at = clock_timestamp(), turn = 1, claimed_by = gen_random_uuid(),
          claim_token = gen_random_uuid()
        where key = $1
        """,
        LOST,
    )
    answer = await force(service, session_id)
    assert answer["requeued"] == 0
    assert await service.lookup(WAITING) == before
    assert (await service.lookup(LOST))["outcome"] == "not_found"
    assert await service.counts(session_id) == ("enriching", 2, 0, 1, 0)


async def test_requeued_films_get_the_sessions_fair_turns(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("C,2000", "A,2000", "B,2000")
    await daemon.answer(not_found=[FOUND, LOST, BROKEN])
    await service.database.fetchval("insert into virtual_times (turn) values (100)")
    await force(service, session_id)
    assert await service.turns() == {BROKEN: 101, FOUND: 102, LOST: 103}


async def test_a_force_wakes_the_daemons_once(
    service: Service, daemon: Daemon, notified: Notified
) -> None:
    session_id = await service.session("A,2000", "B,2000")
    await daemon.answer(not_found=[FOUND, LOST])
    await notified.settle()
    notified.clear()
    await force(service, session_id)
    await notified.settle()
    assert notified.of("new_work") == ["3"], "the lowest of their turns"
    assert notified.of("session_progress") == [session_id]


async def test_what_somebody_holds_is_waited_for_without_holding_anything(
    service: Service, daemon: Daemon, dsn: str, until: Until
) -> None:
    session_id = await service.session("A,2000", "B,2000")
    await daemon.answer(not_found=[FOUND, LOST])
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("select 1 from lookups where key = $1 for update", LOST)
            forcing = asyncio.create_task(force(service, session_id))

            async def other_reopened() -> bool:
                return await service.queue() == [FOUND]

            await until(other_reopened)
            assert await service.counts(session_id) == ("enriching", 2, 0, 1, 0)
            assert not forcing.done()
        answer = await forcing
    finally:
        await connection.close()
    assert answer["requeued"] == 2
    assert sorted(await service.queue()) == [FOUND, LOST]
