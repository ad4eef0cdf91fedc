"""PostgreSQL restarted, crashed or cutting connections: work goes on, uploads are whole or not."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

from tests.support.driving import CONCURRENCY, title_list, until
from tests.support.watching import RESUMED_AFTER_DATABASE_SECONDS, longest_rest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from local_stack.tmdb.film import Film
    from tests.faults.conftest import Ground
    from tests.support.driving import Answer, Driver

    Bill = Callable[[int], int]

FAST_SHUTDOWN = signal.SIGINT
CRASH = signal.SIGQUIT
"""PostgreSQL's immediate shutdown: every backend is gone at once, and the next start recovers."""

ends = pytest.mark.parametrize("how", [FAST_SHUTDOWN, CRASH], ids=["restart", "crash"])


@pytest.fixture(scope="module")
async def one_daemon(ground: Ground) -> AsyncIterator[None]:
    """A daemon that lives through all these troubles."""
    daemon = await ground.driver.stack.add_daemon()
    yield
    assert await daemon.stop() == 0


pytestmark = pytest.mark.usefixtures("one_daemon")


@ends
async def test_work_goes_on_after_the_database_comes_back(
    ground: Ground, driver: Driver, films: list[Film], bill: Bill, how: signal.Signals
) -> None:
    await driver.slow_down()
    session_id = await driver.upload(films[:200])
    await driver.ended(session_id, 40)
    assert await driver.claims() > 0

    async with ground.without_database(how):
        answer = await driver.call("GET", f"/api/session/{session_id}/status")
        assert answer.status == 503
        assert answer.body["code"] == "database_unavailable"
        assert int(answer.headers["Retry-After"]) > 0
        assert (await driver.call("GET", "/livez")).status == 200
        assert (await driver.call("GET", "/readyz")).status == 503

    status = await driver.completed(session_id)
    assert status["enriched_count"] == 200
    await driver.audit()
    assert await longest_rest(driver) < RESUMED_AFTER_DATABASE_SECONDS
    assert bill(await driver.paid_twice()) <= CONCURRENCY
    assert (await driver.call("GET", "/readyz")).status == 200
    assert not driver.events("request_crashed", "api.log")


@ends
async def test_an_upload_that_loses_the_database_for_long_leaves_nothing(
    ground: Ground, driver: Driver, films: list[Film], how: signal.Signals
) -> None:
    body = title_list(films[:200])
    async with _stuck_upload(driver, body) as upload, ground.without_database(how):
        answer = await upload
    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0
    await driver.audit()
    assert await _stored(driver) == 0

    status = await driver.completed(await driver.upload(films[:200]))
    assert status["enriched_count"] == 200
    await driver.audit()


@ends
async def test_an_upload_survives_a_short_loss_of_the_database(
    ground: Ground, driver: Driver, films: list[Film], how: signal.Signals
) -> None:
    body = title_list(films[:200])
    async with _stuck_upload(driver, body, Idempotency_Key="once") as upload:
        async with ground.without_database(how):
            pass
        first = await upload
    # How long a restart takes is the machine's affair; a 503 asks the client to come again.
    assert first.status in {201, 503}
    again = await driver.post_list(body, Idempotency_Key="once")
    assert again.status == 201
    session_id = again.body["session_id"]
    assert first.body.get("session_id", session_id) == session_id
    status = await driver.completed(session_id)
    assert (status["total_movies"], status["enriched_count"]) == (200, 200)
    await driver.audit()


async def test_an_upload_whose_connection_is_ended_is_run_again(
    driver: Driver, films: list[Film]
) -> None:
    async with _stuck_upload(driver, title_list(films[:50])) as upload:
        assert await _end_connections(driver, "projectionist-api") > 0
    answer = await upload
    assert answer.status == 201
    status = await driver.completed(answer.body["session_id"])
    assert (status["total_movies"], status["enriched_count"]) == (50, 50)
    await driver.audit()


async def test_every_connection_may_be_ended_at_any_time(
    driver: Driver, films: list[Film], bill: Bill
) -> None:
    await driver.slow_down()
    ended = 0
    for start in range(0, 150, 50):
        body = title_list(films[start : start + 50])
        upload, connections = await asyncio.gather(driver.post_list(body), _end_connections(driver))
        assert upload.status == 201
        await driver.ended(upload.body["session_id"], 5)
        ended += connections + await _end_connections(driver)
    assert ended > 0
    for session_id in driver.sessions:
        status = await driver.completed(session_id)
        assert status["enriched_count"] == 50
    await driver.audit()
    assert not driver.events("request_crashed", "api.log")
    assert driver.events("listener_connected")
    assert await longest_rest(driver) < RESUMED_AFTER_DATABASE_SECONDS
    assert bill(await driver.paid_twice()) <= 2 * len(driver.sessions) * CONCURRENCY


@asynccontextmanager
async def _stuck_upload(
    driver: Driver, body: bytes, **headers: str
) -> AsyncIterator[asyncio.Task[Answer]]:
    """An upload in the middle of its transaction: its movies are in, its report has to wait."""
    holder = await asyncpg.connect(driver.stack.dsn)
    await holder.execute("begin")
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


async def _stored(driver: Driver) -> int:
    """How many rows uploads have left."""
    return int(
        await driver.value(
            """
            select (select count(*) from sessions) + (select count(*) from movies)
              + (select count(*) from lookups) + (select count(*) from upload_reports)
            """
        )
    )


async def _end_connections(driver: Driver, whose: str = "projectionist-%") -> int:
    """End every connection of the services, or of one of them; how many that were."""
    ended = await driver.fetch(
        """
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where datname = current_database() and application_name like $1
        """,
        whose,
    )
    return len(ended)
