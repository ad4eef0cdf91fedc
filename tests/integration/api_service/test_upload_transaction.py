"""An upload is one transaction: whole, once, or not at all, whatever happens to its connection."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from pathlib import Path

    from aiohttp import ClientResponse

    from tests.support.api_driving import Notified, Service, Until

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
    assert notified.of("new_work") == ["1"], "the lowest of their turns"


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
                probe.execute("update fleet set paused_since = paused_since")
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


async def lose_the_answer(
    service: Service,
    bystander: asyncpg.Connection[asyncpg.Record],
    until: Until,
    dsn: str,
    request: Callable[[], Coroutine[None, None, ClientResponse]],
    *,
    done: str,
    grants: bool = True,
) -> ClientResponse:
    """Make a request, and end the backend that has done its COMMIT before it can say so.

    `done` is the SQL expression that is true from that COMMIT on. The one before, of the grant of
    turns that films get if the request `grants` any, is let through, and only that one: the next
    statement of the same connection may be the COMMIT that is to wait.
    """
    let_through = set()

    async def committing() -> int | None:
        return await waiting(service, "IPC", "SyncRep")

    async def granted() -> bool:
        commits = await bystander.fetch(
            """
            select pid, query_start
            from pg_stat_activity
            where application_name = 'projectionist-api'
              and datname = current_database()
              and wait_event = 'SyncRep'
            """
        )
        if await bystander.fetchval(
            "select exists (select from queue_grants where session_id is null)"
        ):
            return True
        for commit in commits:
            if tuple(commit) not in let_through:
                let_through.add(tuple(commit))
                await bystander.execute("select pg_cancel_backend($1)", commit["pid"])
        return False

    async with commits_that_wait(bystander, dsn, until):
        asking = asyncio.create_task(request())
        if grants:
            await until(granted)
        await until(committing)
        await bystander.execute("select pg_terminate_backend($1)", await committing())
        await until(lambda: bystander.fetchval(f"select {done}"))
    return await asking


async def test_an_upload_whose_answer_to_commit_is_lost_is_stored_once(
    service: Service, bystander: asyncpg.Connection[asyncpg.Record], until: Until, dsn: str
) -> None:
    response = await lose_the_answer(
        service,
        bystander,
        until,
        dsn,
        lambda: service.upload(LIST, {"Idempotency-Key": "k"}),
        done="exists (select from sessions)",
    )
    answer = await response.json()
    assert (response.status, answer["total_movies"]) == (201, 3)
    assert await service.stored() == WHOLE | {"idempotency_keys": 1}
    assert await service.counts(answer["session_id"]) == ("enriching", 3, 0, 0, 0)


async def test_an_addition_whose_answer_to_commit_is_lost_is_stored_once(
    service: Service, bystander: asyncpg.Connection[asyncpg.Record], until: Until, dsn: str
) -> None:
    session_id = await service.session("Heat,1995")
    response = await lose_the_answer(
        service,
        bystander,
        until,
        dsn,
        lambda: service.client.post(
            f"/api/session/{session_id}/upload",
            data="Title,Year,Rewatch\nRan,1985,\nHeat,1995,Yes\n",
            headers={"Content-Type": "text/csv", "Idempotency-Key": "k"},
        ),
        done="exists (select from movies where position = 2)",
    )
    assert response.status == 200
    assert [movie["rewatches"] for movie in await service.movies(session_id)] == [1, 0]
    assert (await service.stored())["upload_reports"] == 2
    assert await service.drifted() == []


@pytest.mark.parametrize(
    ("path", "left", "done"),
    [
        ("", 0, "not exists (select from sessions)"),
        ("/movies/2/match", 2, "not exists (select from movies where position = 2)"),
    ],
)
async def test_a_deletion_whose_answer_to_commit_is_lost_is_said_to_be_done(
    service: Service,
    bystander: asyncpg.Connection[asyncpg.Record],
    until: Until,
    dsn: str,
    *,
    path: str,
    left: int,
    done: str,
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996", "Ran,1985")
    response = await lose_the_answer(
        service,
        bystander,
        until,
        dsn,
        lambda: service.client.delete(f"/api/session/{session_id}{path}"),
        done=done,
        grants=False,
    )
    assert response.status == 204
    assert (await service.stored()).get("movies", 0) == left
    assert await service.drifted() == []


async def test_a_correction_whose_answer_to_commit_is_lost_is_made_once(
    service: Service, bystander: asyncpg.Connection[asyncpg.Record], until: Until, dsn: str
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996")
    path = f"/api/session/{session_id}/movies/2/match"
    response = await lose_the_answer(
        service,
        bystander,
        until,
        dsn,
        lambda: service.client.put(path, json={"tmdb_id": 603}),
        done="exists (select from lookups where key = 'tmdb:603')",
    )
    assert (response.status, (await response.json())["outcome"]) == (200, "pending")
    assert await service.counts(session_id) == ("enriching", 2, 0, 0, 0)


async def test_of_a_client_that_goes_away_before_its_upload_is_stored_nothing_is_stored(
    service: Service,
    bystander: asyncpg.Connection[asyncpg.Record],
    spooled: Callable[[], list[Path]],
    until: Until,
) -> None:
    async def blocked() -> int | None:
        return await waiting(service, "Lock", "relation")

    async def free() -> bool:
        return await blocked() is None

    async with bystander.transaction():
        await bystander.execute("lock table upload_reports in share mode")
        uploading = asyncio.create_task(service.upload(LIST))
        await until(blocked)
        uploading.cancel()
        await until(free)
    await until(lambda: not spooled())
    assert await service.stored() == {}
    assert (await service.upload(LIST)).status == 201


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
