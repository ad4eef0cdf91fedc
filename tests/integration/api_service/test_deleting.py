"""Deleting a session: all that the user uploaded goes, and what others need stays."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from shared.models import UPLOADS_LOCK

if TYPE_CHECKING:
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service, Until


async def delete(service: Service, session_id: str) -> int:
    response = await service.client.delete(f"/api/session/{session_id}")
    return response.status


async def test_everything_uploaded_is_gone(service: Service, daemon: Daemon) -> None:
    answer = await (await service.upload("Title\nHeat\nRan\n", {"Idempotency-Key": "k"})).json()
    session_id = answer["session_id"]
    await daemon.answer(found={"title:heat|": 949})
    assert await delete(service, session_id) == 204
    assert await service.stored() == {"lookups": 1, "catalogue": 1}
    for path in ("", "/status", "/movies", "/report"):
        response = await service.client.get(f"/api/session/{session_id}{path}")
        await service.problem(response, 404, "session_not_found")
    assert await delete(service, session_id) == 404


async def test_what_nobody_else_waits_for_leaves_the_queue(service: Service) -> None:
    mine = await service.session("Heat,1995", "Ran,1985", "Fargo,1996")
    other = await service.session("Ran,1985")
    await delete(service, mine)
    assert await service.queue() == ["title:ran|1985"]
    assert await service.counts(other) == ("enriching", 1, 0, 0, 0)
    await delete(service, other)
    assert await service.stored() == {}


async def test_what_was_found_is_kept_for_the_next_who_asks(
    service: Service, daemon: Daemon
) -> None:
    first = await service.session("Heat,1995")
    await daemon.answer(found={"title:heat|1995": 949})
    await delete(service, first)
    answer = await (await service.upload("Title,Year\nHeat,1995\n")).json()
    assert (answer["status"], answer["enriched_count"]) == ("completed", 1)


async def test_other_sessions_counts_do_not_move(service: Service, daemon: Daemon) -> None:
    mine = await service.session("Heat,1995", "Ran,1985")
    other = await service.session("Heat,1995", "Ran,1985")
    await daemon.answer(found={"title:heat|1995": 949})
    await delete(service, mine)
    assert await service.counts(other) == ("enriching", 2, 1, 0, 0)
    assert await service.drifted() == []


async def test_what_is_in_flight_goes_too(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("Heat,1995")
    await daemon.claim("title:heat|1995")
    await delete(service, session_id)
    assert await service.stored() == {}


async def test_while_an_upload_is_in_progress_lookups_stay_for_it(
    service: Service, dsn: str
) -> None:
    session_id = await service.session("Heat,1995")
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock_shared($1)", UPLOADS_LOCK)
            assert await delete(service, session_id) == 204
            assert await service.stored() == {"lookups": 1}
    finally:
        await connection.close()


async def test_a_lookup_that_somebody_begins_to_list_meanwhile_stays(
    service: Service, dsn: str, until: Until
) -> None:
    mine = await service.session("Heat,1995")
    other = await service.session("Ran,1985")
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            # Somebody holds the session, so that the deletion waits with its lookups held.
            await connection.execute("select 1 from sessions where id = $1 for share", mine)
            deleting = asyncio.create_task(delete(service, mine))
            await until(
                lambda: service.database.fetchval(
                    "select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
                    "and application_name = 'projectionist-api'"
                )
            )
            listing = asyncio.create_task(service.session("Heat,1995"))
            await asyncio.wait([listing], timeout=0.2)
            assert not listing.done()
        assert await deleting == 204
        again = await listing
    finally:
        await connection.close()
    assert await service.counts(again) == ("enriching", 1, 0, 0, 0)
    assert sorted(await service.queue()) == ["title:heat|1995", "title:ran|1985"]
    assert await service.counts(other) == ("enriching", 1, 0, 0, 0)
