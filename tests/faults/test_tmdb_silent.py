"""TMDB that says nothing: to a few films for ever, or because it is not there at all."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from enrich_service.storage import StorageService
from enrich_service.tmdb.client import TMDBClient
from enrich_service.worker import EnrichmentWorker
from local_stack.processes import Program, free_port
from local_stack.stack import STAND_IN_KEY
from local_stack.tmdb.faults import FaultKind, FaultRule
from tests.conftest import QUICK
from tests.guarantees import violations
from tests.support.driving import (
    CONCURRENCY,
    LIMIT,
    MADE_UP,
    plain_films,
    title_list,
    until,
)
from tests.support.guarantee import ANY_BUDGET, Moment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from local_stack.tmdb.film import Film
    from shared.postgres.database import Database
    from tests.conftest import RunningStandIn
    from tests.support.driving import Driver


@pytest.fixture
async def impatient(database: Database, tmdb: RunningStandIn) -> AsyncIterator[EnrichmentWorker]:
    """A worker that waits half a second for an answer: five times ten would be a minute."""
    async with TMDBClient(
        base_url=tmdb.url, api_key=SecretStr(STAND_IN_KEY), timeout_seconds=0.5
    ) as client:
        made = EnrichmentWorker(client, StorageService(database), QUICK)
        yield made
        await made.stop_scheduler()


async def test_a_few_films_that_are_met_with_silence_fail(
    api: TestClient[web.Request, web.Application],
    impatient: EnrichmentWorker,
    tmdb: RunningStandIn,
    database: Database,
) -> None:
    films = plain_films(30)
    silent = [
        FaultRule(match=re.compile(rf"/3/movie/{film.id}\?"), kind=FaultKind.HANG)
        for film in films[:3]
    ]
    tmdb.state.faults.replace(silent)
    uploaded = await api.post(
        "/api/upload", data=title_list(films), headers={"Content-Type": "text/csv"}
    )
    assert uploaded.status == 201

    async def is_completed() -> bool:
        status = await (await api.get(uploaded.headers["Location"])).json()
        return bool(status["status"] == "completed")

    await impatient.start_scheduler()
    await until(is_completed)

    session_id = uploaded.headers["Location"].split("/")[3]
    failed = await (await api.get(f"/api/session/{session_id}/movies?outcome=failed")).json()
    assert [movie["title"] for movie in failed["movies"]] == [film.title for film in films[:3]]
    assert all("no answer in time" in movie["reason"] for movie in failed["movies"])
    assert await violations(database, Moment.AT_REST, ANY_BUDGET) == []
    assert tmdb.state.faults.struck["hang"] == 5 * len(silent)


async def test_a_tmdb_that_is_gone_is_waited_for(
    driver: Driver, films: list[Film], tmp_path: Path, bill: Callable[[int], int]
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    tmdb = Program(
        *("local_stack.tmdb", "--port", str(port), "--films", str(MADE_UP)),
        *("--limit", str(LIMIT), "--period", "1", "--latency", "0.2"),
        ready=f"{url}/_stand_in/report",
        log=tmp_path / "tmdb.log",
    )
    async with tmdb:
        await driver.stack.add_daemon(TMDB_BASE_URL=url)
        session_id = await driver.upload(films[:100])
        await driver.ended(session_id, 20)
        await tmdb.stop()
        await driver.tmdb_is("down")
        await until(lambda: _nothing_claimed(driver))
        assert await driver.value("select max(attempts) from lookups") == 0

        await tmdb.start()
        status = await driver.completed(session_id)
        await tmdb.stop()

    assert status["enriched_count"] == 100
    await driver.audit()
    lives = [json.loads(line) for line in tmdb.log.read_text().splitlines()]
    asked = sum(life["requests"] for life in lives if life["event"] == "stand_in_stopped")
    # Two a film, and the probe that found it back.
    assert 0 <= bill(asked - 2 * 100 - 1) <= CONCURRENCY, lives


async def _nothing_claimed(driver: Driver) -> bool:
    return await driver.claims() == 0
