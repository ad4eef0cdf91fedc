"""A whole run at DEBUG: no secret and no whole session id in any log, trace or metric."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote
from uuid import UUID

import aiohttp
import asyncpg
import pytest

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import migrate
from local_stack.stack import STAND_IN_KEY
from tests.support.collector import collecting
from tests.support.driving import ADMIN_TOKEN, plain_films, running, title_list, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.driving import Driver

PASSWORD = "5ecret-of-the-database"  # made up
UNKNOWN = b"No Film Of This Name,1987\r\n"


@pytest.fixture
async def own_server(tmp_path: Path) -> EmbeddedPostgres:
    """A server whose log is this test's alone, and tells all that a client can make it tell."""
    return EmbeddedPostgres(
        tmp_path / "postgres",
        durable=False,
        settings={
            "log_statement": "all",
            "log_parameter_max_length_on_error": "-1",
            "log_lock_waits": "on",
            "deadlock_timeout": "20ms",
        },
    )


async def test_no_secret_and_no_whole_id_is_told(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    (folder := tmp_path / "run").mkdir()
    async with own_server as server, collecting() as collector:
        dsn = await _with_password(server)
        await migrate(server.dsn("kept_back"))
        async with running(
            dsn,
            folder,
            LOG_LEVEL="DEBUG",
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as driver:
            sessions = await _whole_run(driver)
            await _stumble(server.dsn("kept_back"))
            metrics = await _text(driver, f"{driver.stack.api_url}/metrics")
            metrics += await _text(driver, f"{driver.stack.workers[0].url}/metrics")
            assert await driver.stack.workers[0].stop() == 0
            assert await driver.stack.api.stop() == 0
        told = {
            **{log.name: log.read_text() for log in sorted((folder / "logs").iterdir())},
            "metrics": metrics,
            "traces": collector.bodies.decode("latin-1"),
            "postgres": server.log_file.read_text(),
        }

    for name, text in told.items():
        if name.startswith("tmdb"):
            continue  # the stand-in's own, which stands for TMDB's
        secrets = (STAND_IN_KEY, ADMIN_TOKEN, PASSWORD, quote(PASSWORD))
        assert [secret for secret in secrets if secret in text] == [], name
        found = [one for one in sessions if one in text.lower() or UUID(one).hex in text.lower()]
        assert found == [], name
    for one in sessions:
        assert one[:8] in told["api.log"], "eight digits still tell one session from another"
    assert "session_completed" in told["enrich.log"]
    assert "duplicate key" in told["postgres"], "statements did fail"
    assert "projectionist" in told["traces"]


async def _with_password(server: EmbeddedPostgres) -> str:
    """The address of a new database, with a password in it; the server trusts whoever comes."""
    connection = await asyncpg.connect(server.dsn())
    try:
        await connection.execute("create database kept_back")
    finally:
        await connection.close()
    return server.dsn("kept_back").replace("postgres@", f"postgres:{PASSWORD}@", 1)


async def _whole_run(driver: Driver) -> set[str]:
    """Everything that a user may do with a session, and refusals; the ids of the sessions."""
    films = plain_films(8)
    await driver.go_wrong({"match": "/3/search", "kind": "garbage", "times": 2})
    body = title_list(films[:6]) + UNKNOWN
    first = str((await driver.post_list(body, Idempotency_Key="once")).body["session_id"])
    assert (await driver.post_list(body, Idempotency_Key="once")).body["session_id"] == first
    second = await driver.upload(films[2:])
    gone = await driver.upload(films[:1])
    for session in (first, second, gone):
        await driver.completed(session)
    form = UUID(first)
    for spelling in (first, first.upper(), form.hex, form.urn):
        path = f"/api/session/{quote(spelling, safe='')}"
        assert (await driver.call("GET", path)).status == 200
        for what in ("movies?q=heat", "movies/positions?sort=title", "summary", "report"):
            await driver.call("GET", f"{path}/{what}")
        for kind in ("csv", "jsonl", "letterboxd"):
            await _text(driver, f"{driver.stack.api_url}{path}/export?format={kind}")
        await driver.call("GET", f"/session/{quote(spelling, safe='')}")
        await driver.call("GET", f"{path}/no-such-route/{spelling}")
    async with driver.http.get(f"{driver.stack.api_url}/api/session/{first}/events") as events:
        await events.content.readline()
    session = f"/api/session/{first}"
    await driver.call("PUT", f"{session}/movies/1/match", json={"tmdb_id": 603})
    await driver.call("PUT", f"{session}/movies/1/match", json={"nonsense": first})
    await driver.call("DELETE", f"{session}/movies/2/match")
    more = {"Content-Type": "text/csv"}
    added = await asyncio.gather(
        *(
            driver.call("POST", f"{session}/upload", data=title_list([film]), headers=more)
            for film in films[6:]
        )
    )
    assert {answer.status for answer in added} == {200}
    await driver.call("POST", f"{session}/enrich")
    await driver.completed(first)
    await driver.call("DELETE", f"/api/session/{gone}")
    for token in (ADMIN_TOKEN, f"{ADMIN_TOKEN}s"):
        headers = {"Authorization": f"Bearer {token}"}
        await driver.call("POST", "/worker/pause", headers=headers)
        await driver.call("POST", "/worker/resume", headers=headers)
    with suppress(aiohttp.ClientError):
        await driver.call("GET", f"{session}/movies?q={'x' * 9000}{first}")
    return {first, second, gone}


async def _stumble(dsn: str) -> None:
    """Have the server refuse statements over rows of sessions, as it may refuse a service's."""
    connection = await asyncpg.connect(dsn)
    try:
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute("insert into sessions select * from sessions")
        session_id = await connection.fetchval("select min(id::text)::uuid from sessions")
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.fetch(
                "insert into sessions select * from sessions where id = $1", session_id
            )
    finally:
        await connection.close()


async def _text(driver: Driver, url: str) -> str:
    text = ""

    async def is_there() -> bool:
        nonlocal text
        async with driver.http.get(url) as response:
            text = await response.text()
            return response.status == 200

    await until(is_there)
    return text
