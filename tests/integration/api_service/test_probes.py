"""Alive, ready, or neither: and what is answered while the database is not there."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import pytest
from structlog.testing import capture_logs

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import Program, free_port, migrate
from local_stack.stack import STAND_IN_KEY
from shared.postgres.database import Database
from shared.postgres.read_only import is_read_only
from shared.settings import Settings
from tests.support.api_driving import Service, serve
from tests.support.driving import ADMIN_TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.api_driving import LastingParsers, Until

SESSION = "/api/session/00000000-0000-4000-8000-000000000000"
ROUTES = [
    ("POST", "/api/upload"),
    ("GET", SESSION),
    ("GET", f"{SESSION}/status"),
    ("GET", f"{SESSION}/movies"),
    ("GET", f"{SESSION}/report"),
    ("POST", f"{SESSION}/enrich"),
    ("PUT", f"{SESSION}/movies/1/match"),
    ("DELETE", f"{SESSION}/movies/1/match"),
    ("DELETE", SESSION),
    ("GET", "/worker/status"),
    ("POST", "/worker/pause"),
    ("POST", "/worker/resume"),
]
PASSWORD = "hush-hush-5ecret"
DEAD = f"postgresql://somebody:{PASSWORD}@127.0.0.1:1/films"


async def ask(service: Service, method: str, path: str) -> aiohttp.ClientResponse:
    body = b"Title\nHeat\n" if path == "/api/upload" else b'{"tmdb_id": 603}'
    return await service.client.request(
        method,
        path,
        data=None if method == "GET" else body,
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "text/csv"},
    )


async def probe(service: Service, path: str) -> tuple[int, dict[str, object]]:
    response = await service.client.get(path)
    return response.status, await response.json()


@pytest.fixture
async def unused_name(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """The name of a database that is not there; whatever is made there is dropped."""
    name = f"later_{free_port()}"
    yield name
    connection = await asyncpg.connect(postgres.dsn())
    await connection.execute(f"drop database if exists {name} with (force)")
    await connection.close()


def settings_for(dsn: str) -> Settings:
    return Settings(_env_file=None, database_url=dsn)


@pytest.fixture
async def orphan(parsers: LastingParsers) -> AsyncIterator[Service]:
    """A service whose database is not there."""
    settings = settings_for(DEAD)
    async with serve(settings, parsers) as client:
        yield Service(client, Database(settings, application_name="never used"))


async def test_with_a_database_and_its_schema_all_is_well(refusing: Service) -> None:
    assert await probe(refusing, "/livez") == (200, {"status": "ok"})
    assert await probe(refusing, "/readyz") == (200, {"status": "ok"})
    assert await probe(refusing, "/health") == (
        200,
        {"status": "ok", "live": True, "ready": True, "reason": None},
    )


async def test_without_its_database_a_service_is_alive_and_not_ready(orphan: Service) -> None:
    assert await probe(orphan, "/livez") == (200, {"status": "ok"})
    (ready, why), (healthy, state) = await asyncio.gather(
        probe(orphan, "/readyz"), probe(orphan, "/health")
    )
    assert (ready, why["status"], healthy) == (503, "unavailable", 503)
    assert why["reason"] == "The database does not answer at the moment."
    assert (state["live"], state["ready"], state["reason"]) == (True, False, why["reason"])


async def test_without_its_database_every_route_says_when_to_try_again(orphan: Service) -> None:
    responses = await asyncio.gather(*[ask(orphan, *route) for route in ROUTES])
    for response in responses:
        problem = await orphan.problem(response, 503, "database_unavailable")
        assert int(response.headers["Retry-After"]) > 0
        assert problem["detail"] == "The database does not answer at the moment."


async def test_why_the_database_is_away_is_for_the_log_alone(orphan: Service) -> None:
    with capture_logs() as log:
        answers = [
            await (await ask(orphan, "GET", path)).text()
            for path in ("/readyz", "/readyz", "/health", "/worker/status")
        ]
    assert not any("127.0.0.1" in answer or "Error" in answer for answer in answers)
    warnings = [event for event in log if event["log_level"] == "warning"]
    # The listener goes on trying meanwhile, and says so in its own time.
    events = [event for event in warnings if event["event"] != "listener_connect_failed"]
    assert [event["event"] for event in events] == ["not_ready", "request_failed"]
    assert all("ConnectionRefusedError" in event["error"] for event in events)


async def test_what_needs_no_database_is_refused_without_asking_it(orphan: Service) -> None:
    response = await orphan.upload("Rank,Score\n1,9\n")
    await orphan.problem(response, 422, "unreadable_list")
    response = await orphan.client.get("/nowhere")
    await orphan.problem(response, 404, "not_found")


async def test_a_service_that_starts_before_its_database_and_schema_begins_when_they_come(
    parsers: LastingParsers, postgres: EmbeddedPostgres, unused_name: str, until: Until
) -> None:
    settings = settings_for(postgres.dsn(unused_name))
    async with (
        Database(settings, application_name="tests") as database,
        serve(settings, parsers) as client,
    ):
        service = Service(client, database)
        assert (await probe(service, "/readyz"))[0] == 503

        connection = await asyncpg.connect(postgres.dsn())
        await connection.execute(f"create database {unused_name}")
        await connection.close()
        status, why = await probe(service, "/readyz")
        assert (status, "alembic upgrade head" in str(why["reason"])) == (503, True)
        for route in ROUTES:
            response = await ask(service, *route)
            problem = await service.problem(response, 503, "schema_outdated")
            assert "alembic upgrade head" in problem["detail"]
            assert "relation" not in problem["detail"]
            assert int(response.headers["Retry-After"]) > 0

        await migrate(postgres.dsn(unused_name))

        async def ready() -> bool:
            return (await probe(service, "/readyz"))[0] == 200

        await until(ready)
        assert (await service.upload("Title\nHeat\n")).status == 201


async def test_an_older_schema_is_named(service: Service) -> None:
    await service.database.fetchval("update alembic_version set version_num = '0000'")
    status, why = await probe(service, "/readyz")
    assert status == 503
    assert re.search(r"revision 0000, this service needs \d{4}", str(why["reason"]))


@pytest.mark.parametrize(
    ("set_it", "unset_it"),
    [
        (
            "alter database {name} set default_transaction_read_only = on",
            "alter database {name} reset default_transaction_read_only",
        ),
        (
            "alter role postgres in database {name} set default_transaction_read_only = yes",
            "alter role postgres in database {name} set default_transaction_read_only = off",
        ),
    ],
    ids=["database", "role"],
)
async def test_service_over_read_only_database_is_alive_and_not_ready(
    service: Service, other: asyncpg.Connection[asyncpg.Record], set_it: str, unset_it: str
) -> None:
    assert await probe(service, "/readyz") == (200, {"status": "ok"})
    name = await other.fetchval("select current_database()")
    await other.execute(set_it.format(name=name))
    with capture_logs() as log:
        for _ in range(3):
            status, why = await probe(service, "/readyz")
            assert (status, why["reason"]) == (503, "the database is read-only")
    assert [event["event"] for event in log if event["log_level"] == "warning"] == ["not_ready"]
    assert (await probe(service, "/health"))[1]["live"] is True
    assert await probe(service, "/livez") == (200, {"status": "ok"})
    await other.execute("set default_transaction_read_only = off")
    await other.execute(unset_it.format(name=name))
    assert await probe(service, "/readyz") == (200, {"status": "ok"})


async def test_service_that_connected_while_all_was_read_only_is_ready_again(
    make_service: Callable[..., Awaitable[Service]], other: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Its connections keep the default that they began with."""
    name = await other.fetchval("select current_database()")
    await other.execute(f"alter database {name} set default_transaction_read_only = on")
    service = await make_service()
    assert (await probe(service, "/readyz"))[0] == 503
    await other.execute(f"alter database {name} reset default_transaction_read_only")
    assert await probe(service, "/readyz") == (200, {"status": "ok"})


async def test_role_of_any_name_is_asked_for(
    dsn: str, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    name = await other.fetchval("select current_database()")
    await other.execute('create role "A.b" login superuser')
    try:
        settings = settings_for(dsn.replace("postgres@", "A.b@"))
        async with Database(settings, application_name="tests", max_size=1) as database:
            assert await is_read_only(database) is False
            await other.execute(
                f'alter role "A.b" in database {name} set default_transaction_read_only = on'
            )
            assert await is_read_only(database) is True
    finally:
        await other.execute(f'alter role "A.b" in database {name} reset all')
        await other.execute('drop role "A.b"')


async def test_service_over_standby_is_alive_and_not_ready(
    parsers: LastingParsers, tmp_path: Path, until: Until
) -> None:
    async with EmbeddedPostgres(tmp_path / "primary", durable=False, port=free_port()) as primary:
        await migrate(primary.dsn())
        standby = EmbeddedPostgres(
            tmp_path / "standby", durable=False, port=free_port(), follows=primary
        )
        async with standby, serve(settings_for(standby.dsn()), parsers) as client:
            service = Service(client, Database(settings_for(standby.dsn()), application_name="-"))

            async def says_so() -> bool:
                status, why = await probe(service, "/readyz")
                assert status == 503
                return why["reason"] == "the database is read-only"

            await until(says_so)
            assert await probe(service, "/livez") == (200, {"status": "ok"})
            scraped = await (await client.get("/metrics")).text()
            assert "\nprojectionist_ready 0.0\n" in scraped
            assert "\nprojectionist_database_up 1.0\n" in scraped


async def test_a_service_that_lost_its_connections_gets_new_ones(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    await asyncio.gather(*[service.status(session_id) for _ in range(8)])
    ended = await service.database.fetchval(
        """
        select count(pg_terminate_backend(pid, 5000))
        from pg_stat_activity
        where application_name = 'projectionist-api' and datname = current_database()
        """
    )
    assert ended > 1
    answers = await asyncio.gather(*[service.status(session_id) for _ in range(8)])
    assert {answer["session_id"] for answer in answers} == {session_id}


async def test_a_service_that_is_going_away_is_alive_and_not_ready(
    common_settings: Settings, common_database: Database, parsers: LastingParsers
) -> None:
    async with serve(common_settings, parsers) as client:
        app = client.app
        assert app is not None
        service = Service(client, common_database)
        await app.shutdown()
        assert await probe(service, "/readyz") == (
            503,
            {"status": "unavailable", "reason": "draining"},
        )
        assert (await probe(service, "/livez"))[0] == 200


async def test_no_secret_is_in_any_log_or_answer(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = {
        "DATABASE_URL": DEAD,
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "TMDB_API_KEY": STAND_IN_KEY,
        "API_PORT": str(port),
        "LOG_LEVEL": "DEBUG",
    }
    headers = {
        "Authorization": f"Bearer {ADMIN_TOKEN}",
        "X-Request-ID": f"id-{ADMIN_TOKEN}",
        "Content-Type": "text/csv",
    }
    log = tmp_path / "api.log"
    async with (
        Program("api_service", env=env, ready=f"{url}/livez", log=log) as program,
        aiohttp.ClientSession(url, headers=headers) as client,
    ):
        paths = [*ROUTES, ("GET", f"/{ADMIN_TOKEN}"), ("POST", "/worker/pause"), ("GET", "/health")]
        responses = await asyncio.gather(
            *[client.request(method, path, data=b"Title\nHeat\n") for method, path in paths]
        )
        answers = [await response.text() for response in responses]
        assert {response.status for response in responses} <= {404, 405, 415, 422, 503}
        assert await program.stop() == 0
    text = log.read_text()
    assert "request_failed" in text
    for secret in (PASSWORD, ADMIN_TOKEN, STAND_IN_KEY):
        assert secret not in text
        assert not any(secret in answer for answer in answers)
