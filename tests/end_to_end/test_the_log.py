"""What the services tell: a story that a person can follow, and no secret, whatever goes wrong."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from local_stack.processes import ROOT
from local_stack.stack import STAND_IN_KEY
from tests.support.driving import ADMIN_TOKEN, plain_films, running, title_list, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.end_to_end.conftest import Sample
    from tests.support.driving import Driver

V4_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJub2JvZHkifQ.c2lnbmVkLWJ5LW5vYm9keQ"


async def test_a_person_can_follow_a_session_from_start_to_end(
    driver: Driver, sample: Sample
) -> None:
    session_id = (await driver.post_folder(sample.folder)).body["session_id"]
    status = await driver.completed(session_id)
    assert await driver.stack.workers[0].stop() == 0
    assert await driver.stack.api.stop() == 0

    (started,) = driver.events("worker_started")
    (stopped,) = driver.events("worker_stopped")
    assert started["worker_id"] == stopped["worker_id"]
    assert driver.events("listener_connected")
    assert driver.events("sessions_found")[0]["sessions"] == 1
    found = driver.events("movie_enriched")
    lacking = driver.events("movie_not_found")
    assert len(found) == status["enriched_count"]
    assert {event["level"] for event in found} == {"debug"}
    assert all(event["tmdb_id"] for event in found)
    assert len(lacking) == status["not_found_count"]
    assert {event["level"] for event in lacking} == {"warning"}
    assert all(event["title"] and event["year"] and event["reason"] for event in lacking)
    total = status["total_movies"]
    numbers = sorted(event["number"] for event in (*found, *lacking))
    assert numbers == list(range(1, total + 1)), "each movie is told with its number"
    assert {event["total"] for event in (*found, *lacking)} == {total}
    (completed,) = driver.events("session_completed")
    assert completed["session_id"] == session_id[:8]
    assert (completed["total"], completed["enriched"]) == (total, status["enriched_count"])
    (stored,) = driver.events("upload_stored", "api.log")
    assert (stored["session_id"], stored["movies"]) == (session_id[:8], total)
    for name, file in (("probes_started", "enrich.log"), ("api_started", "api.log")):
        assert driver.events(name, file)[0]["version"] == version("projectionist")
    for name in ("api_started", "request", "api_stopped"):
        assert driver.events(name, "api.log"), name
    for name in ("api.log", "enrich.log"):
        for line in (driver.stack.folder / name).read_text().splitlines():
            assert {"event", "level", "timestamp", "service"} <= json.loads(line).keys(), line


@pytest.mark.parametrize("key", [STAND_IN_KEY, V4_TOKEN], ids=["v3", "v4"])
async def test_no_secret_is_told_whatever_goes_wrong(dsn: str, tmp_path: Path, key: str) -> None:
    films = plain_films(12)
    broken: list[dict[str, object]] = [
        {"match": "/3/search", "kind": kind, "times": 3}
        for kind in ("reset", "truncated", "garbage", "wrong_shape")
    ]
    refused = {"match": re.escape(f"query={films[0].title}&"), "kind": "status", "status": 422}
    async with running(
        dsn, tmp_path, LOG_LEVEL="DEBUG", TMDB_API_KEY=key, DRAIN_SECONDS="1"
    ) as driver:
        await driver.go_wrong({"match": "/3/", "kind": "status", "status": 500})
        session_id = await driver.upload(films)
        await driver.tmdb_is("down")
        await driver.go_wrong({"match": "/3/", "kind": "status", "status": 401})
        await driver.tmdb_is("refused")
        await driver.go_wrong(*broken, refused)
        status = await driver.completed(session_id)
        assert status["failed_count"] == 1
        said = json.dumps(await driver.movies(session_id))
        said += json.dumps(await driver.worker_status())
        refusal = await driver.call(
            "POST", "/worker/pause", headers={"Authorization": f"Bearer {ADMIN_TOKEN}s"}
        )
        assert refusal.status == 401
        # Requests under way when the process ends: their address would be in a careless message.
        await driver.go_wrong({"match": "/3/", "kind": "hang"})
        other = await driver.upload(plain_films(20)[12:])
        await until(driver.claims)
        driver.stack.workers[0].send_signal(signal.SIGTERM)
        said += json.dumps(await driver.status(other))
        await until(lambda: _ended(driver))
        said += json.dumps(refusal.body)
        kept = await driver.fetch("select reason from lookups where reason is not null")
        said += str(kept) + str(await driver.fetch("select * from fleet"))
    for log in sorted((tmp_path / "logs").iterdir()):
        said += log.read_text()

    assert "tmdb_down" in said
    assert "tmdb_key_refused" in said
    assert key not in said
    assert ADMIN_TOKEN not in said.replace(f"{ADMIN_TOKEN}s", "")


async def _ended(driver: Driver) -> bool:
    return not driver.stack.workers[0].running


async def test_a_wrong_key_stops_the_daemon_with_a_message_that_does_not_repeat_it(
    dsn: str,
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "enrich_service"),
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": dsn, "TMDB_API_KEY": "my-very-own-secret"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 1
    assert b"TMDB_API_KEY" in said
    assert b"my-very-own-secret" not in said


async def test_a_title_that_holds_a_secret_is_masked_too(driver: Driver) -> None:
    film = plain_films(1)[0]
    body = title_list([film]) + f"A film called {STAND_IN_KEY},1999\n".encode()
    answer = await driver.post_list(body)
    assert answer.status == 201
    await driver.completed(answer.body["session_id"])
    assert driver.events("movie_not_found")
    for name in ("api.log", "enrich.log"):
        assert STAND_IN_KEY not in (driver.stack.folder / name).read_text()
