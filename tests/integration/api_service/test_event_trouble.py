"""Streams of events in trouble: what was lost, who is slow, what is gone, and who stops."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.driving import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service

    MakeService = Callable[..., Awaitable[Service]]

A, B, C = "title:a|2000", "title:b|2001", "title:c|2002"
ROWS = ("A,2000", "B,2001", "C,2002")
SHUTDOWN_SECONDS = 60.0
"""For which aiohttp waits for requests under way, unless it is told otherwise."""


# -- deleting and expiring ---------------------------------------------------------------------


async def test_a_deleted_session_is_gone_and_its_streams_end(service: Service) -> None:
    session_id = await service.session(*ROWS)
    async with service.events(session_id) as first, service.events(session_id) as second:
        assert (await service.client.delete(f"/api/session/{session_id}")).status == 204
        for stream in (first, second):
            await stream.until_ended()
            assert stream.events[-1].name == "gone"
            assert stream.last("gone") == {}
            assert not stream.broken
    response = await service.client.get(f"/api/session/{session_id}/events")
    await service.problem(response, 404, "session_not_found")


async def test_who_looks_on_keeps_a_session_from_expiring(make_service: MakeService) -> None:
    service = await make_service(enrich_interval=0.05)
    session_id = await service.session(*ROWS)
    async with service.events(session_id):
        await service.database.fetchval("update sessions set read_at = read_at - interval '2 d'")

        async def is_noted() -> bool:
            read_at: datetime = await service.database.fetchval("select read_at from sessions")
            return datetime.now(UTC) - read_at < timedelta(minutes=1)

        await until(is_noted)


async def test_a_session_that_went_without_a_word_is_found_to_be_gone(
    make_service: MakeService,
) -> None:
    service = await make_service(enrich_interval=0.05)
    session_id = await service.session(*ROWS)
    async with service.events(session_id) as stream:
        await service.database.fetchval("delete from sessions")
        await stream.until_ended()
        assert stream.events[-1].name == "gone"


# -- what is lost ------------------------------------------------------------------------------


async def test_what_a_lost_notification_would_have_told_is_found_and_told_once(
    make_service: MakeService,
    other: asyncpg.Connection[asyncpg.Record],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api_service.handlers.events.HEARTBEAT_SECONDS", 0.5)
    service = await make_service(enrich_interval=0.05)
    session_id = await service.session(*ROWS)
    async with service.events(session_id) as stream:
        await other.execute(
            """
            update lookups
            set outcome = 'failed', answered_at = clock_timestamp(), due_at = null, turn = null
            where key = 'title:a|2000'
            """
        )
        await other.execute("update session_counts set failed = 1")
        await stream.until_status(failed_count=1)
        await stream.until_films(1)
        # Until further looks find nothing, and so nothing is told.
        await stream.until(lambda: stream.comments >= 2)
        assert len(stream.of("films")) == 2
        assert len(stream.of("status")) == 2


async def test_streams_go_on_after_all_connections_to_the_database_were_ended(
    service: Service, daemon: Daemon, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    session_id = await service.session(*ROWS)
    async with service.events(session_id) as stream:
        for key, tmdb_id in ((A, 1), (B, 2)):
            ended = await other.fetch(
                """
                select pg_terminate_backend(pid)
                from pg_stat_activity
                where datname = current_database() and application_name = 'projectionist-api'
                """
            )
            assert len(ended) >= 2, "the pool and the listener"
            await daemon.answer(found={key: tmdb_id})
            await stream.until_status(enriched_count=tmdb_id)
            await stream.until_films(tmdb_id)
        assert not stream.ended


async def test_a_quiet_stream_has_a_heartbeat(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_service.handlers.events.HEARTBEAT_SECONDS", 0.05)
    session_id = await service.session(*ROWS)
    async with service.events(session_id) as stream:
        await stream.until(lambda: stream.comments >= 3)
        assert len(stream.of("status")) == 1


async def test_who_looks_on_through_another_api_is_told_too(
    make_service: MakeService, daemon: Daemon
) -> None:
    one, another = await make_service(), await make_service()
    session_id = await one.session(*ROWS)
    async with one.events(session_id) as first, another.events(session_id) as second:
        await daemon.answer(found={A: 1})
        await first.until_status(enriched_count=1)
        await second.until_status(enriched_count=1)
        assert (await another.client.delete(f"/api/session/{session_id}")).status == 204
        await first.until_ended()
        await second.until_ended()


# -- who is slow -------------------------------------------------------------------------------

FILMS = 24
LONG_ROWS = tuple(f"{'Long ' * 90}{number},2000" for number in range(FILMS))
UPDATES = 60


async def connect_slowly(service: Service, session_id: str) -> socket.socket:
    """A client that has asked for a session's events and takes none."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(0)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (service.client.host, service.client.port))
    request = f"GET /api/session/{session_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    await loop.sock_sendall(client, request.encode())
    return client


async def answer_all_again(service: Service, session_id: str, number: int) -> None:
    """Let every film of a session have an answer of this moment."""
    await service.database.fetchval(
        """
        with answered as (
          update lookups
          set outcome = 'failed', answered_at = clock_timestamp(), due_at = null, turn = null
          returning 1
        ),
        counted as (
          update session_counts set failed = $2 where session_id = $1::text::uuid
          returning session_id
        )
        select pg_notify('session_progress', session_id::text) from counted, answered
        """,
        session_id,
        number % FILMS,
    )


@pytest.fixture
def restless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions are read as often as they change."""
    monkeypatch.setattr("api_service.streams.hub.PAUSE_SECONDS", 0.0)


@pytest.mark.usefixtures("restless")
async def test_a_slow_client_holds_nobody_up_and_gets_the_newest_in_the_end(
    service: Service,
) -> None:
    session_id = await service.session(*LONG_ROWS)
    slow = await connect_slowly(service, session_id)
    async with service.events(session_id) as quick:
        await until(lambda: service.open_streams == 2)
        for number in range(1, UPDATES):
            await answer_all_again(service, session_id, number)
            await quick.until_status(failed_count=number % FILMS)
        sent = sum(len(str(event.data)) for event in quick.events)
        assert sent > 500_000

        loop = asyncio.get_running_loop()
        taken = b""
        newest = f'"failed_count":{(UPDATES - 1) % FILMS},'.encode()
        async with asyncio.timeout(PATIENCE_SECONDS):
            # Its newest films come with the newest status.
            while newest not in taken or not taken.endswith(b"]}\n\n\r\n"):
                taken += await loop.sock_recv(slow, 65536)
        assert len(taken) < sent / 2, "what it could not take was not kept for it"
    slow.close()


@pytest.mark.usefixtures("restless")
async def test_a_client_that_takes_nothing_for_long_is_left(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_service.handlers.events.TAKING_SECONDS", 0.5)
    session_id = await service.session(*LONG_ROWS)
    stuck = await connect_slowly(service, session_id)
    async with service.events(session_id) as quick:
        await until(lambda: service.open_streams == 2)
        number = 0
        while service.open_streams == 2:
            number += 1
            assert number < 10 * UPDATES
            await answer_all_again(service, session_id, number)
            await quick.until_status(failed_count=number % FILMS)
        assert service.open_streams == 1
    stuck.close()


# -- who stops ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("restless")
async def test_a_service_that_stops_ends_its_streams_at_once(
    make_service: MakeService,
) -> None:
    service = await make_service()
    session_id = await service.session(*LONG_ROWS)
    stuck = await connect_slowly(service, session_id)
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(service.events(session_id)) for _ in range(10)]
        for number in range(1, UPDATES):
            await answer_all_again(service, session_id, number)
            await streams[0].until_status(failed_count=number % FILMS)
        assert service.open_streams == 11
        async with asyncio.timeout(SHUTDOWN_SECONDS / 2):
            await service.client.server.close()
        for stream in streams:
            await stream.until_ended()
            assert not stream.broken
    stuck.close()
