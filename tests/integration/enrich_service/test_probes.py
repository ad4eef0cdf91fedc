"""What the probes answer, and when; and the daemon's own address for them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from enrich_service.daemon import run_daemon
from local_stack.processes import Program, free_port
from local_stack.stack import STAND_IN_KEY
from shared.http import probes
from shared.http.probes import Probes
from shared.postgres.connector import CONNECT_SECONDS
from shared.postgres.database import SCHEMA_REVISION, Database
from shared.settings import Settings, SettingsError
from tests.support.driving import until
from tests.support.line import Cut, address_over, line_to_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import asyncpg

    from tests.conftest import RunningStandIn

    HTTP = TestClient[web.Request, web.Application]


class Subject:
    """The probes under test, and what they are told."""

    def __init__(self, database: Database) -> None:
        self.stalled: str | None = None
        self.probes = Probes(database, lambda: self.stalled)


@pytest.fixture
def subject(database: Database) -> Subject:
    return Subject(database)


@pytest.fixture
async def http(subject: Subject) -> AsyncIterator[HTTP]:
    app = web.Application()
    subject.probes.add_routes(app)
    async with TestClient(TestServer(app)) as client:
        yield client


async def answers(http: HTTP) -> dict[str, int]:
    return {path: (await http.get(path)).status for path in ("/livez", "/readyz", "/health")}


async def reason(http: HTTP, path: str = "/readyz") -> str:
    return str((await (await http.get(path)).json())["reason"])


async def test_all_is_well(http: HTTP) -> None:
    assert await answers(http) == {"/livez": 200, "/readyz": 200, "/health": 200}
    body = await (await http.get("/health")).json()
    assert body == {"status": "ok", "live": True, "ready": True, "reason": None}


async def test_a_loop_that_does_not_turn_is_not_alive_but_may_be_ready(
    http: HTTP, subject: Subject
) -> None:
    subject.stalled = "the tick is overdue"
    assert await answers(http) == {"/livez": 503, "/readyz": 200, "/health": 503}
    assert await reason(http, "/livez") == "the tick is overdue"
    body = await (await http.get("/health")).json()
    assert (body["live"], body["ready"], body["reason"]) == (False, True, "the tick is overdue")


async def test_who_drains_is_alive_and_not_ready(http: HTTP, subject: Subject) -> None:
    subject.probes.draining = True
    assert await answers(http) == {"/livez": 200, "/readyz": 503, "/health": 503}
    assert await reason(http) == "draining"


async def test_an_older_schema_is_named_with_what_to_do(http: HTTP, database: Database) -> None:
    await database.fetchval("update alembic_version set version_num = '0000'")
    assert await answers(http) == {"/livez": 200, "/readyz": 503, "/health": 503}
    assert await reason(http) == (
        f"The schema is at revision 0000, this service needs {SCHEMA_REVISION}: "
        "run `alembic upgrade head`."
    )


async def test_a_missing_schema_is_named_with_what_to_do(http: HTTP, database: Database) -> None:
    await database.fetchval("drop table alembic_version")
    assert "alembic upgrade head" in await reason(http)


async def test_a_database_that_does_not_answer_in_time_is_not_waited_for(
    http: HTTP, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    async with other.transaction():
        await other.execute("lock table alembic_version")
        assert await reason(http) == "the database does not answer"
        assert (await http.get("/livez")).status == 200
    assert (await http.get("/readyz")).status == 200


async def test_a_silent_database_is_not_waited_for_and_found_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "READY_SECONDS", 0.3)
    dsn = settings.database_url.get_secret_value()
    async with line_to_database(dsn) as line:
        over_the_line = settings.model_copy(
            update={"database_url": SecretStr(address_over(line, dsn))}
        )
        async with Database(over_the_line, application_name="tests") as database:
            app = web.Application()
            Probes(database, lambda: None).add_routes(app)
            async with TestClient(TestServer(app)) as http:

                async def is_ready() -> bool:
                    return (await http.get("/readyz")).status == 200

                await until(is_ready)
                line.cut(Cut.DELAY)
                started = time.monotonic()
                assert await reason(http) == "the database does not answer"
                # A cancelled statement waits so long for the answer to its cancellation.
                assert time.monotonic() - started < CONNECT_SECONDS
                line.heal()
                await until(is_ready)


@pytest.fixture
def daemon(dsn: str, tmdb: RunningStandIn, tmp_path: Path) -> Program:
    port = free_port()
    return Program(
        "enrich_service",
        env={
            "DATABASE_URL": dsn,
            "TMDB_API_KEY": STAND_IN_KEY,
            "TMDB_BASE_URL": tmdb.url,
            "WORKER_PORT": str(port),
            "ENRICH_INTERVAL": "0.5",
        },
        ready=f"http://127.0.0.1:{port}/readyz",
        log=tmp_path / "enrich.log",
    )


async def test_the_daemon_answers_on_its_own_port(daemon: Program) -> None:
    async with daemon, aiohttp.ClientSession() as session:
        for path in ("/livez", "/readyz", "/health"):
            assert (await session.get(daemon.url + path)).status == 200
        status = await (await session.get(f"{daemon.url}/worker/status")).json()
        assert (status["worker_status"], status["interval"]) == ("running", 0.5)
        for path, answered in (("/livez", 200), ("/nowhere", 404), (f"/{'a' * 9_000}", 414)):
            async with session.get(daemon.url + path) as answer:
                assert answer.status == answered
                assert answer.headers["Server"] == "projectionist"
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Cache-Control"] == "no-store"
        assert await daemon.stop() == 0
    log = daemon.log.read_text()
    assert '"worker_stopped"' in log
    assert STAND_IN_KEY not in log


async def test_a_daemon_is_ready_once_the_fleet_knows_of_it(
    daemon: Program, database: Database, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Or who waits for it to be ready is told by the API that nobody works."""
    async with aiohttp.ClientSession() as session:

        async def asked(path: str) -> tuple[int, str | None]:
            try:
                async with session.get(daemon.url + path) as answer:
                    return answer.status, (await answer.json()).get("reason")
            except aiohttp.ClientConnectionError:
                return 0, None

        async def waits_for_its_heartbeat() -> bool:
            status, reason = await asked("/readyz")
            assert status != 200
            return reason == "the first heartbeat has not been stored yet"

        async def ready() -> bool:
            return await asked("/readyz") == (200, None)

        async with other.transaction():
            await other.execute("lock table workers in share mode")
            await daemon.start(wait=False)
            await until(waits_for_its_heartbeat)
            assert await asked("/livez") == (200, None)
            scraped = await (await session.get(f"{daemon.url}/metrics")).text()
            assert "\nprojectionist_ready 0.0\n" in scraped
        await until(ready)
        assert await database.fetchval("select count(*) from workers") == 1
        assert await daemon.stop() == 0


async def test_the_daemon_says_which_setting_it_misses(settings: Settings) -> None:
    without = settings.model_copy(update={"tmdb_api_key": None})
    with pytest.raises(SettingsError, match="TMDB_API_KEY"):
        await run_daemon(without)


async def test_a_daemon_without_settings_ends_at_once_and_names_them(tmp_path: Path) -> None:
    daemon = Program(
        "enrich_service",
        env={"DATABASE_URL": "postgresql:///x", "TMDB_API_KEY": "s3cret", "TMDB_RATE_LIMIT": "0"},
        ready="http://127.0.0.1:1/",
        log=tmp_path / "enrich.log",
    )
    await daemon.start(wait=False)
    with pytest.raises(RuntimeError, match="ended by itself"):
        await daemon.wait_for_failure()
    said = daemon.log.read_text()
    assert "TMDB_API_KEY" in said
    assert "TMDB_RATE_LIMIT" in said
    assert "s3cret" not in said
    assert "Traceback" not in said
