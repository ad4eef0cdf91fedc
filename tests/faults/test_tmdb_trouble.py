"""TMDB in trouble: for a while with everybody, for ever with a few films, or not there at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from local_stack.processes import Program, free_port, migrate
from local_stack.tmdb.faults import FaultRule
from tests.driving import (
    CONCURRENCY,
    LEFT_BEHIND,
    LIMIT,
    MISCOUNTED,
    create_database,
    plain_films,
    running,
    title_list,
    until,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from enrich_service.worker import EnrichmentWorker
    from local_stack.postgres import EmbeddedPostgres
    from local_stack.tmdb.film import Film
    from tests.conftest import RunningStandIn
    from tests.driving import Driver

    Bill = Callable[[int], int]
    Rule = dict[str, Any]

LISTED = 50
"""Films of a list: more than are in flight at once."""
TROUBLES: dict[str, Rule] = {
    "500": {"kind": "status", "status": 500},
    "503": {"kind": "status", "status": 503, "headers": {"Retry-After": "1"}},
    "garbage": {"kind": "garbage"},
    "wrong shape": {"kind": "wrong_shape"},
    "truncated": {"kind": "truncated"},
    "reset": {"kind": "reset"},
}
"""Silence is apart: the client waits ten seconds for an answer."""
SILENCE: Rule = {"kind": "hang"}
LIMITED: dict[str, Rule] = {
    "with Retry-After": {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    "without Retry-After": {"kind": "status", "status": 429},
}


@dataclass(frozen=True, slots=True)
class Steady:
    """One stack for several troubles, each of which gets a list of its own."""

    driver: Driver
    films: list[Film]
    sessions: list[str]

    async def upload(self) -> str:
        """Upload films that nobody listed before."""
        films = self.films[:LISTED]
        del self.films[:LISTED]
        self.sessions.append(await self.driver.upload(films))
        return self.sessions[-1]


@pytest.fixture(scope="module")
async def steady(
    own_postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Steady]:
    """A stack that lives through all that everybody meets."""
    dsn = await create_database(own_postgres)
    await migrate(dsn)
    async with running(dsn, tmp_path_factory.mktemp("steady")) as driver:
        yield Steady(driver, plain_films(LISTED * (len(TROUBLES) + len(LIMITED) + 1)), [])


@pytest.mark.parametrize("trouble", [*TROUBLES, "silence"])
async def test_trouble_with_everybody_costs_no_film_an_attempt(
    steady: Steady, bill: Bill, trouble: str
) -> None:
    driver = steady.driver
    times_down = len(driver.events("tmdb_down"))
    asked = (await driver.report())["requests"]
    paid_twice = await driver.paid_twice()
    await driver.go_wrong({"match": "/3/", **TROUBLES.get(trouble, SILENCE)})

    session_id = await steady.upload()

    await driver.tmdb_is("down")
    await until(lambda: _nothing_claimed(driver))
    struck = (await driver.report())["requests"] - asked
    assert struck < LISTED, "while TMDB is down nobody goes on asking"
    assert await driver.value("select max(attempts) from lookups") == 0
    await until(lambda: _without_estimate(driver, session_id))

    await driver.go_wrong()
    status = await driver.completed(session_id)

    assert status["enriched_count"] == LISTED
    await driver.audit(*steady.sessions)
    assert len(driver.events("tmdb_down")) == times_down + 1
    assert len(driver.events("tmdb_up")) == times_down + 1
    assert bill(await driver.paid_twice() - paid_twice) <= struck


@pytest.mark.parametrize("how", LIMITED)
async def test_a_429_holds_everybody_back_and_costs_no_film_an_attempt(
    steady: Steady, bill: Bill, how: str
) -> None:
    driver = steady.driver
    times_held = len(driver.events("tmdb_rate_limited"))
    times_down = len(driver.events("tmdb_down"))
    asked = (await driver.report())["requests"]
    paid_twice = await driver.paid_twice()
    await driver.go_wrong({"match": "/3/", "times": 25, **LIMITED[how]})

    status = await driver.completed(await steady.upload())

    assert status["enriched_count"] == LISTED
    await driver.audit(*steady.sessions)
    held = driver.events("tmdb_rate_limited")[times_held:]
    assert [event["hold_seconds"] for event in held] == [1.0] * 25
    assert not driver.events("film_retry")
    assert len(driver.events("tmdb_down")) == times_down
    assert (await driver.report())["requests"] - asked == 2 * LISTED + 25
    assert bill(await driver.paid_twice() - paid_twice) <= 25


async def test_a_few_films_that_never_succeed_fail_with_their_reasons(
    dsn: str, tmp_path: Path
) -> None:
    films = plain_films(60)
    poisoned = dict(zip(TROUBLES, films, strict=False))
    async with running(dsn, tmp_path) as driver:
        await driver.go_wrong(
            *(
                {"match": rf"/3/movie/{film.id}\?", **TROUBLES[name]}
                for name, film in poisoned.items()
            )
        )
        session_id = await driver.upload(films)

        status = await driver.completed(session_id)

        assert status["enriched_count"] == len(films) - len(poisoned)
        assert status["failed_count"] == len(poisoned)
        await driver.audit(session_id)
        failed = {
            movie["title"]: movie["reason"]
            for movie in await driver.movies(session_id)
            if movie["outcome"] == "failed"
        }
        assert failed.keys() == {film.title for film in poisoned.values()}
        assert "HTTP 500" in failed[poisoned["500"].title]
        assert "cut short" in failed[poisoned["truncated"].title]
        assert not driver.events("tmdb_down"), "TMDB answered everybody else"
        attempts = [event["key"] for event in driver.events("film_retry")]
        assert all(attempts.count(key) == 4 for key in attempts), "each had five attempts"

        await driver.go_wrong()
        forced = await driver.call("POST", f"/api/session/{session_id}/enrich")
        assert (forced.status, forced.body["requeued"]) == (202, len(poisoned))
        status = await driver.completed(session_id)
        assert status["enriched_count"] == len(films)
        await driver.audit(session_id)


async def test_a_few_films_that_are_met_with_silence_fail(
    api: TestClient[web.Request, web.Application],
    worker: EnrichmentWorker,
    tmdb: RunningStandIn,
    dsn: str,
) -> None:
    # In this process, with a client that waits two seconds: five times ten would be a minute.
    films = plain_films(30)
    silent = [FaultRule(match=rf"/3/movie/{film.id}\?", **SILENCE) for film in films[:3]]
    tmdb.state.faults.replace(silent)
    uploaded = await api.post(
        "/api/upload", data=title_list(films), headers={"Content-Type": "text/csv"}
    )
    assert uploaded.status == 201

    async def is_completed() -> bool:
        status = await (await api.get(uploaded.headers["Location"])).json()
        return bool(status["status"] == "completed")

    await worker.start_scheduler()
    await until(is_completed)

    connection = await asyncpg.connect(dsn)
    failed = await connection.fetch("select reason from lookups where outcome = 'failed'")
    assert await connection.fetch(MISCOUNTED) == []
    assert await connection.fetch(LEFT_BEHIND) == []
    await connection.close()
    assert len(failed) == len(silent)
    assert all("no answer in time" in row["reason"] for row in failed)
    assert tmdb.state.faults.struck["hang"] == 5 * len(silent)


async def test_a_tmdb_that_is_gone_is_waited_for(dsn: str, tmp_path: Path, bill: Bill) -> None:
    films = plain_films(100)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    tmdb = Program(
        *("local_stack.tmdb", "--port", str(port), "--limit", str(LIMIT), "--period", "1"),
        *("--latency", "0.2"),
        ready=f"{url}/_stand_in/report",
        log=tmp_path / "tmdb.log",
    )
    async with tmdb, running(dsn, tmp_path, TMDB_BASE_URL=url) as driver:
        session_id = await driver.upload(films)
        await driver.ended(session_id, 20)
        await tmdb.stop()
        await driver.tmdb_is("down")
        await until(lambda: _nothing_claimed(driver))
        assert await driver.value("select max(attempts) from lookups") == 0

        await tmdb.start()
        status = await driver.completed(session_id)

        assert status["enriched_count"] == len(films)
        await driver.audit(session_id)
        assert await tmdb.stop() == 0
        lives = [json.loads(line) for line in tmdb.log.read_text().splitlines()]
        asked = sum(life["requests"] for life in lives if life["event"] == "stand_in_stopped")
        assert driver.events("tmdb_down")
        assert bill(asked - 2 * len(films)) <= CONCURRENCY


async def _without_estimate(driver: Driver, session_id: str) -> bool:
    status = await driver.status(session_id)
    assert status["status"] == "enriching"
    return status["eta_seconds"] is None


async def _nothing_claimed(driver: Driver) -> bool:
    return await driver.claims() == 0
