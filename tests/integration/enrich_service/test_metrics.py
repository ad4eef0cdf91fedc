"""What a daemon tells Prometheus: what it asked TMDB, what came of it, and how it is."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from enrich_service.metrics import Metrics
from enrich_service.storage import StorageService
from enrich_service.tmdb.client import TMDBClient
from enrich_service.worker import EnrichmentWorker
from local_stack.stack import STAND_IN_KEY
from shared.http.probes import Probes
from shared.models import BACKGROUND_TURN
from tests.conftest import QUICK
from tests.support.driving import until
from tests.support.exposition import Exposition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from shared.postgres.database import Database
    from tests.conftest import RunningStandIn
    from tests.integration.enrich_service.conftest import Lists

REQUESTS = "projectionist_tmdb_requests_total"
LOOKUPS = "projectionist_lookups_total"
RETRIES = "projectionist_film_retries_total"


class Subject:
    """A worker that counts, and what it has counted."""

    def __init__(self, worker: EnrichmentWorker, metrics: Metrics) -> None:
        self.worker = worker
        self._metrics = metrics

    async def told(self) -> Exposition:
        body = (await self._metrics.answer()).body
        assert isinstance(body, bytes)
        return Exposition(body.decode())

    async def works_until(self, name: str, count: int, **labels: str) -> Exposition:
        """Work until it has counted so many of something; retries become due by and by."""
        await self.worker.start_scheduler()

        async def counted() -> bool:
            return (await self.told()).value(name, **labels) == count

        await until(counted)
        return await self.told()


@pytest.fixture
async def subject(database: Database, tmdb: RunningStandIn) -> AsyncIterator[Subject]:
    key = SecretStr(STAND_IN_KEY)
    async with (
        Metrics() as metrics,
        TMDBClient(
            base_url=tmdb.url, api_key=key, timeout_seconds=2.0, note=metrics.note_request
        ) as client,
    ):
        options = replace(QUICK, interval=0.5)
        worker = EnrichmentWorker(client, StorageService(database), options, metrics)
        metrics.watch(database, worker.listener, Probes(database, lambda: None))
        metrics.watch_worker(worker.get_status, options.concurrency)
        yield Subject(worker, metrics)
        await worker.stop_scheduler()


async def test_before_any_work_all_that_may_come_is_told_as_zero(subject: Subject) -> None:
    said = await subject.told()
    for outcome in ("found", "not_found", "failed"):
        for kind in ("waiting", "background"):
            assert said.value(LOOKUPS, outcome=outcome, kind=kind) == 0
    for cause in ("film", "tmdb", "key"):
        assert said.value(RETRIES, cause=cause) == 0


async def test_lookups_are_counted_by_how_they_ended(
    subject: Subject, lists: Lists, database: Database
) -> None:
    await lists.add("title:the matrix|1999", "title:amélie|2001", "title:no film of this name|1987")
    await database.fetchval(
        """
        insert into lookups (key, due_at, turn, kept)
        values ('tmdb:680', clock_timestamp(), $1, true)
        """,
        BACKGROUND_TURN,
    )
    await subject.worker.enrich_sessions()
    said = await subject.works_until(LOOKUPS, 1, outcome="found", kind="background")
    assert said.value(LOOKUPS, outcome="found", kind="waiting") == 2
    assert said.value(LOOKUPS, outcome="not_found", kind="waiting") == 1
    assert said.value(LOOKUPS, outcome="failed") == 0


async def test_every_request_is_counted_as_tmdb_counts_it(
    subject: Subject, lists: Lists, tmdb: RunningStandIn
) -> None:
    await lists.add("title:the matrix|1999", "imdb:tt0133093", "title:no film of this name|1987")
    await subject.worker.enrich_sessions()
    said = await subject.told()
    sent = {
        route: said.value(REQUESTS, route=route)
        for name, route in said.labels(REQUESTS)
        if name == "route"
    }
    assert sum(sent.values()) == tmdb.state.requests
    assert sent["search_movie"] == tmdb.state.by_route["search_movie"]
    seconds = "projectionist_tmdb_request_duration_seconds_count"
    assert said.value(seconds) == tmdb.state.requests
    assert said.value("projectionist_budget_wait_seconds_count") == tmdb.state.requests


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "status", "status": 500}, "500"),
        ({"kind": "status", "status": 429}, "429"),
        ({"kind": "status", "status": 401}, "401"),
        ({"kind": "status", "status": 599}, "other"),
        ({"kind": "hang"}, "timeout"),
        ({"kind": "reset"}, "reset"),
        ({"kind": "truncated"}, "malformed"),
        ({"kind": "garbage"}, "malformed"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
async def test_what_came_in_place_of_an_answer_is_told_in_a_word(
    subject: Subject,
    lists: Lists,
    break_tmdb: Callable[..., None],
    fault: dict[str, object],
    status: str,
) -> None:
    break_tmdb({"match": "/3/search", "times": 1, **fault})
    await lists.add("title:the matrix|1999")
    said = await subject.works_until(LOOKUPS, 1, outcome="found", kind="waiting")
    assert said.value(REQUESTS, route="search_movie", status=status) == 1
    assert said.value(REQUESTS, route="search_movie", status="200") >= 1


async def test_no_connection_is_told_in_a_word(database: Database, lists: Lists) -> None:
    async with (
        Metrics() as metrics,
        TMDBClient(
            base_url="http://127.0.0.1:1",
            api_key=SecretStr(STAND_IN_KEY),
            note=metrics.note_request,
        ) as client,
    ):
        worker = EnrichmentWorker(client, StorageService(database), QUICK, metrics)
        subject = Subject(worker, metrics)
        metrics.watch_worker(worker.get_status, 20)
        await lists.add("title:the matrix|1999")
        await worker.start_scheduler()

        async def is_down() -> bool:
            said = await subject.told()
            return said.value("projectionist_worker_tmdb_state", state="down") == 1

        await until(is_down)
        said = await subject.told()
        assert said.value(REQUESTS, route="search_movie", status="connection") >= 1
        assert said.value(RETRIES, cause="tmdb") == 1
        await worker.stop_scheduler()


async def test_a_film_that_fails_by_itself_is_retried_and_counted(
    subject: Subject, lists: Lists, break_tmdb: Callable[..., None]
) -> None:
    break_tmdb({"match": "query=Heat|query=heat", "kind": "garbage"})
    await lists.add("title:heat|1995")
    said = await subject.works_until(LOOKUPS, 1, outcome="failed", kind="waiting")
    assert said.value(RETRIES, cause="film") == QUICK.attempts - 1


async def test_a_refused_key_is_retried_and_counted(
    subject: Subject, lists: Lists, break_tmdb: Callable[..., None]
) -> None:
    break_tmdb({"match": "/3/search", "kind": "status", "status": 401, "times": 1})
    await lists.add("title:the matrix|1999")
    await subject.worker.enrich_sessions()
    assert (await subject.told()).value(RETRIES, cause="key") == 1


async def test_the_worker_tells_how_it_is(subject: Subject) -> None:
    said = await subject.told()
    assert said.value("projectionist_worker_running") == 0
    assert said.value("projectionist_tick_lag_seconds") == 0
    await subject.worker.start_scheduler()

    async def listens() -> bool:
        return (await subject.told()).value("projectionist_listener_connected") == 1

    await until(listens)
    said = await subject.told()
    assert said.value("projectionist_worker_running") == 1
    assert said.value("projectionist_tick_interval_seconds") == 0.5
    assert said.value("projectionist_films_blocked") == 0
    assert said.value("projectionist_films_in_flight_limit") == QUICK.concurrency
    assert said.value("projectionist_worker_tmdb_state", state="up") == 1
    assert said.value("projectionist_database_up") == 1
    for value in said.samples.values():
        assert not math.isnan(value)
