"""PostgreSQL restarted, crashed or cutting connections: work goes on by itself, uploads are whole."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from local_stack.stack import StandIn
from tests.driving import CONCURRENCY, LIMIT, plain_films, running, title_list, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres
    from tests.driving import Answer, Driver

    Bill = Callable[[int], int]

SLOW = StandIn(limit=LIMIT, period=1.0, latency=0.2)
FAST_SHUTDOWN = signal.SIGINT
CRASH = signal.SIGQUIT
"""PostgreSQL's immediate shutdown: every backend is gone at once, and the next start recovers."""

ends = pytest.mark.parametrize("how", [FAST_SHUTDOWN, CRASH], ids=["restart", "crash"])


@ends
async def test_work_goes_on_after_the_database_comes_back(
    own_postgres: EmbeddedPostgres,
    own_dsn: str,
    tmp_path: Path,
    bill: Bill,
    how: signal.Signals,
) -> None:
    films = plain_films(200)
    async with running(own_dsn, tmp_path, stand_in=SLOW) as driver:
        session_id = await driver.upload(films)
        await driver.ended(session_id, 40)
        assert await driver.claims() > 0

        await own_postgres.stop(how)
        answer = await driver.call("GET", f"/api/session/{session_id}/status")
        assert answer.status == 503
        assert answer.body["code"] == "database_unavailable"
        assert int(answer.headers["Retry-After"]) > 0
        assert (await driver.call("GET", "/livez")).status == 200
        assert (await driver.call("GET", "/readyz")).status == 503
        await own_postgres.start()

        status = await driver.completed(session_id)
        assert status["enriched_count"] == len(films)
        await driver.audit(session_id)
        assert bill(await driver.paid_twice()) <= CONCURRENCY
        assert all(program.running for program in (driver.stack.api, *driver.stack.workers))
        assert not driver.events("request_crashed", "api.log")
        assert (await driver.call("GET", "/readyz")).status == 200


@ends
async def test_an_upload_that_loses_the_database_for_long_leaves_nothing(
    own_postgres: EmbeddedPostgres, own_dsn: str, tmp_path: Path, how: signal.Signals
) -> None:
    films = plain_films(200)
    async with running(own_dsn, tmp_path) as driver:
        async with _stuck_upload(driver, title_list(films)) as upload:
            await own_postgres.stop(how)
            answer = await upload
        assert answer.status == 503
        assert int(answer.headers["Retry-After"]) > 0
        await own_postgres.start()
        await driver.audit()
        for table in ("movies", "lookups", "upload_reports"):
            assert await driver.value(f"select count(*) from {table}") == 0, table  # noqa: S608  # names of ours

        session_id = await driver.upload(films)
        status = await driver.completed(session_id)
        assert status["enriched_count"] == len(films)
        await driver.audit(session_id)


@ends
async def test_an_upload_survives_a_short_loss_of_the_database(
    own_postgres: EmbeddedPostgres, own_dsn: str, tmp_path: Path, how: signal.Signals
) -> None:
    films = plain_films(200)
    body = title_list(films)
    async with running(own_dsn, tmp_path) as driver:
        async with _stuck_upload(driver, body, Idempotency_Key="once") as upload:
            await own_postgres.stop(how)
            await own_postgres.start()
            first = await upload
        # How long a restart takes is the machine's affair; a 503 asks the client to come again.
        assert first.status in {201, 503}
        again = await driver.post_list(body, Idempotency_Key="once")
        assert again.status == 201
        session_id = again.body["session_id"]
        assert first.body.get("session_id", session_id) == session_id
        status = await driver.completed(session_id)
        assert (status["total_movies"], status["enriched_count"]) == (len(films), len(films))
        await driver.audit(session_id)


async def test_every_connection_may_be_ended_at_any_time(
    own_dsn: str, tmp_path: Path, bill: Bill
) -> None:
    films = plain_films(200)
    async with running(own_dsn, tmp_path, stand_in=SLOW) as driver:
        sessions = []
        for start in range(0, 200, 50):
            body = title_list(films[start : start + 50])
            upload, ended = await asyncio.gather(driver.post_list(body), _end_connections(driver))
            assert upload.status == 201
            assert ended > 0
            sessions.append(upload.body["session_id"])
            await driver.ended(sessions[-1], 5)
            await _end_connections(driver)
        for session_id in sessions:
            status = await driver.completed(session_id)
            assert status["enriched_count"] == 50
        await driver.audit(*sessions)
        assert not driver.events("request_crashed", "api.log")
        assert len(driver.events("listener_connected")) > 1
        assert bill(await driver.paid_twice()) <= 2 * len(sessions) * CONCURRENCY


@asynccontextmanager
async def _stuck_upload(
    driver: Driver, body: bytes, **headers: str
) -> AsyncIterator[asyncio.Task[Answer]]:
    """An upload in the middle of its transaction: its movies are in, its report has to wait."""
    holder = await asyncpg.connect(driver.stack.dsn)
    hold = holder.transaction()
    await hold.start()
    await holder.execute("lock table upload_reports in access exclusive mode")
    upload = asyncio.create_task(driver.post_list(body, **headers))
    await until(lambda: _waits_for_the_lock(driver))
    try:
        yield upload
    finally:
        holder.terminate()


async def _waits_for_the_lock(driver: Driver) -> bool:
    return bool(
        await driver.value(
            """
            select count(*)
            from pg_locks
            where relation = 'upload_reports'::regclass and not granted
            """
        )
    )


async def _end_connections(driver: Driver) -> int:
    """End every connection to the database but our own; how many that were."""
    ended = await driver.fetch(
        """
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()
        """
    )
    return len(ended)
