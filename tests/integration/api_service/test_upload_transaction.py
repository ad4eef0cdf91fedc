"""An upload is one transaction: whole, once, or not at all, whatever happens to its connection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.api_service.conftest import Notified, Service, Until

LIST = "Title\nHeat\nFargo\nRan\n"
WHOLE = {"sessions": 1, "movies": 3, "lookups": 3, "upload_reports": 1}


@pytest.fixture
async def bystander(dsn: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A connection of somebody else, who waits for no standby."""
    connection = await asyncpg.connect(dsn, server_settings={"synchronous_commit": "local"})
    yield connection
    await connection.close()


async def waiting(service: Service, event_type: str, event: str) -> int | None:
    """The API's backend that waits for this."""
    pid: int | None = await service.database.fetchval(
        """
        select pid
        from pg_stat_activity
        where application_name = 'projectionist-api'
          and datname = current_database()
          and wait_event_type = $1
          and wait_event = $2
        """,
        event_type,
        event,
    )
    return pid


@pytest.mark.parametrize("table", ["lookups", "sessions", "movies", "upload_reports"])
async def test_an_upload_whose_connection_is_cut_in_the_middle_is_stored_once(
    service: Service,
    bystander: asyncpg.Connection[asyncpg.Record],
    notified: Notified,
    until: Until,
    *,
    table: str,
) -> None:
    async def blocked() -> int | None:
        return await waiting(service, "Lock", "relation")

    async with bystander.transaction():
        await bystander.execute(f"lock table {table} in share mode")
        uploading = asyncio.create_task(service.upload(LIST))
        await until(blocked)
        first = await blocked()
        await bystander.execute("select pg_terminate_backend($1)", first)

        async def blocked_again() -> bool:
            return await blocked() not in {None, first}

        await until(blocked_again)
        assert not uploading.done()
    response = await uploading
    answer = await response.json()
    assert response.status == 201, answer
    assert await service.stored() == WHOLE
    await notified.settle()
    assert notified.of("new_work") == [answer["session_id"]]


@asynccontextmanager
async def commits_that_wait(
    connection: asyncpg.Connection[asyncpg.Record], dsn: str, until: Until
) -> AsyncIterator[None]:
    """Let each COMMIT wait, after it was done, for the word of a standby that does not exist."""

    async def probe_waits() -> bool:
        probe = await asyncpg.connect(dsn)
        try:
            pid = probe.get_server_pid()
            commit = asyncio.create_task(
                probe.execute("update queue_clock set virtual_time = virtual_time")
            )
            while not commit.done():
                if await connection.fetchval(
                    "select wait_event = 'SyncRep' from pg_stat_activity where pid = $1", pid
                ):
                    await connection.execute("select pg_cancel_backend($1)", pid)
                    await commit
                    return True
                await asyncio.sleep(0.005)
            return False
        finally:
            await probe.close()

    try:
        await connection.execute("alter system set synchronous_standby_names = 'nobody'")
        await connection.execute("select pg_reload_conf()")
        await until(probe_waits)
        yield
    finally:
        await connection.execute("alter system reset synchronous_standby_names")
        await connection.execute("select pg_reload_conf()")


async def test_an_upload_whose_answer_to_commit_is_lost_is_stored_once(
    service: Service,
    bystander: asyncpg.Connection[asyncpg.Record],
    until: Until,
    dsn: str,
) -> None:
    async def committing() -> int | None:
        return await waiting(service, "IPC", "SyncRep")

    async with commits_that_wait(bystander, dsn, until):
        uploading = asyncio.create_task(service.upload(LIST, {"Idempotency-Key": "k"}))
        await until(committing)
        assert await service.stored() == {}
        first = await committing()
        await bystander.execute("select pg_terminate_backend($1)", first)
        # It was committed, and nobody was told.
        await until(lambda: bystander.fetchval("select count(*) from sessions"))
    response = await uploading
    answer = await response.json()
    assert (response.status, answer["total_movies"]) == (201, 3)
    assert await service.stored() == WHOLE | {"idempotency_keys": 1}
    assert await service.counts(answer["session_id"]) == ("enriching", 3, 0, 0, 0)


@pytest.mark.parametrize("table", ["sessions", "movies", "upload_reports", "idempotency_keys"])
async def test_a_failure_at_any_step_stores_nothing(service: Service, table: str) -> None:
    for statement in (
        """
        create function fail() returns trigger language plpgsql as
        $$ begin raise exception 'a defect with a secret in it'; end $$
        """,
        f"create trigger fail after insert on {table} for each row execute function fail()",
    ):
        await service.database.fetchval(statement)
    response = await service.upload(LIST, {"Idempotency-Key": "k"})
    problem = await service.problem(response, 500, "internal_server_error")
    assert "secret" not in str(problem)
    assert await service.stored() == {}

    await service.database.fetchval("drop function fail cascade")
    assert (await service.upload(LIST, {"Idempotency-Key": "k"})).status == 201
    assert await service.stored() == WHOLE | {"idempotency_keys": 1}


async def test_the_connection_of_an_upload_can_be_used_for_the_next(service: Service) -> None:
    # The staging table stays with its connection, and must be empty again.
    for number in range(1, 4):
        session_id = await service.session("Heat,1995", f"Film {number},2000")
        assert (await service.counts(session_id))[1] == 2
