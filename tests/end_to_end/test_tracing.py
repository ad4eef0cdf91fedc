"""One id from an upload's request to the films it caused: in the log, and in spans where wanted."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import aiohttp

from local_stack.processes import Program, free_port
from local_stack.stack import STAND_IN_KEY
from tests.support.collector import collecting
from tests.support.driving import plain_films, running, title_list, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import RunningStandIn
    from tests.support.driving import Driver

TRACE, CLIENTS_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{CLIENTS_SPAN}-01"
UNRECORDED = "00-11111111111111111111111111111111-2222222222222222-00"
UPLOAD = "POST /api/upload"
NOWHERE = "http://127.0.0.1:1"
UNKNOWN = b"No Film Of This Name,1987\r\n"


def lines(folder: Path, log: str) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (folder / log).read_text().splitlines() if line.startswith("{")
    ]


async def test_an_uploads_trace_is_in_every_line_that_it_causes(driver: Driver) -> None:
    films = title_list(plain_films(3)) + UNKNOWN
    await driver.go_wrong({"match": "/3/search", "kind": "garbage", "times": 1})
    answer = await driver.post_list(films, traceparent=TRACEPARENT, X_Request_ID="mine")
    session_id = answer.body["session_id"]
    await driver.completed(session_id)

    (stored,) = driver.events("upload_stored", "api.log")
    assert (stored["trace_id"], stored["request_id"]) == (TRACE, "mine")
    requests = [e for e in driver.events("request", "api.log") if e["route"] == "/api/upload"]
    assert [event["trace_id"] for event in requests] == [TRACE]
    for name, count in (("movie_enriched", 3), ("movie_not_found", 1), ("session_completed", 1)):
        assert [event["trace_id"] for event in driver.events(name)] == [TRACE] * count, name
    await until(lambda: driver.events("lookup_retry"))
    assert {event["trace_id"] for event in driver.events("lookup_retry")} == {TRACE}
    assert await driver.value("select count(traceparent) from lookups") == 0, "they have ended"


async def test_each_request_that_asks_again_has_a_trace_of_its_own(driver: Driver) -> None:
    answer = await driver.post_list(title_list(plain_films(1)) + UNKNOWN)
    session = f"/api/session/{answer.body['session_id']}"
    await driver.completed(answer.body["session_id"])
    (stored,) = driver.events("upload_stored", "api.log")
    assert len(stored["trace_id"]) == 32
    assert {event["trace_id"] for event in driver.events("movie_enriched")} == {stored["trace_id"]}

    await driver.begin()
    await driver.call("POST", f"{session}/enrich", headers={"traceparent": TRACEPARENT})
    await driver.completed(answer.body["session_id"])
    assert [event["trace_id"] for event in driver.events("movie_not_found")] == [TRACE]

    await driver.begin()
    other = TRACEPARENT.replace(TRACE, "1" * 32)
    await driver.call(
        "PUT", f"{session}/movies/2/match", json={"tmdb_id": 603}, headers={"traceparent": other}
    )
    await driver.completed(answer.body["session_id"])
    assert [event["trace_id"] for event in driver.events("movie_enriched")] == ["1" * 32]


async def test_a_trace_that_says_nothing_of_use_is_begun_anew(driver: Driver) -> None:
    for given in ("", "nonsense", TRACEPARENT.upper(), f"{TRACEPARENT}-more"):
        await driver.call("GET", "/worker/status", headers={"traceparent": given})
    traces = {
        event["trace_id"]
        for event in driver.events("request", "api.log")
        if event["route"] == "/worker/status"
    }
    assert len(traces) == 4
    assert TRACE not in traces


async def test_upload_and_films_are_spans_of_one_trace(dsn: str, tmp_path: Path) -> None:
    films = title_list(plain_films(3)) + UNKNOWN
    async with (
        collecting() as collector,
        running(
            dsn,
            tmp_path,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as driver,
    ):
        await driver.post_list(title_list(plain_films(5)[3:]), traceparent=UNRECORDED)
        answer = await driver.post_list(films, traceparent=TRACEPARENT)
        await driver.completed(answer.body["session_id"])
        await until(lambda: len(collector.of(TRACE, "film")) == 4)
        assert await driver.stack.workers[0].stop() == 0
        assert await driver.stack.api.stop() == 0

    (upload,) = collector.of(TRACE, UPLOAD)
    assert (upload.service, upload.kind) == ("projectionist-api", "SERVER")
    assert upload.parent_id == CLIENTS_SPAN
    assert upload.attributes["http.route"] == "/api/upload"
    assert upload.attributes["http.response.status_code"] == "201"
    seen = collector.of(TRACE, "film")
    assert {(film.service, film.kind) for film in seen} == {("projectionist-enrich", "CONSUMER")}
    assert {film.parent_id for film in seen} == {upload.span_id}
    assert all(film.attributes["projectionist.lookup.key"] for film in seen)
    asked = [span for span in collector.spans if span.name.startswith("GET search")]
    recorded = [span for span in asked if span.trace_id == TRACE]
    assert len(recorded) >= 4
    assert {span.parent_id for span in recorded} <= {film.span_id for film in seen}
    assert not [span for span in collector.spans if span.trace_id == UNRECORDED.split("-")[1]]
    names = {span.name for span in collector.spans}
    assert not {name for name in names if "livez" in name or "readyz" in name}
    assert STAND_IN_KEY.encode() not in collector.bodies


async def test_a_collector_that_is_away_changes_nothing(dsn: str, tmp_path: Path) -> None:
    async with running(
        dsn, tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE, OTEL_BSP_SCHEDULE_DELAY="50"
    ) as driver:
        status = await driver.completed(await driver.upload(plain_films(2)))
        assert status["enriched_count"] == 2
        assert await driver.stack.workers[0].stop() == 0
        assert await driver.stack.api.stop() == 0
        for log in ("enrich.log", "api.log"):
            assert "Transient error" not in (driver.stack.folder / log).read_text("utf-8")


async def test_without_opentelemetry_all_works_and_the_log_has_the_trace(
    dsn: str, tmdb: RunningStandIn, tmp_path: Path
) -> None:
    env = {
        "DATABASE_URL": dsn,
        "TMDB_API_KEY": STAND_IN_KEY,
        "TMDB_BASE_URL": tmdb.url,
        "TMDB_RATE_LIMIT": "400",
        "TMDB_RATE_PERIOD": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": NOWHERE,
        "API_PORT": str(free_port()),
        "WORKER_PORT": str(free_port()),
        "LOG_LEVEL": "DEBUG",
    }
    async with AsyncExitStack() as stack:
        api, daemon = (
            Program(
                *("tests.support.without_opentelemetry", name),
                env=env,
                ready=f"http://127.0.0.1:{env[port]}/readyz",
                log=tmp_path / f"{name}.log",
            )
            for name, port in (("api_service", "API_PORT"), ("enrich_service", "WORKER_PORT"))
        )
        await asyncio.gather(*(stack.enter_async_context(program) for program in (api, daemon)))
        http = await stack.enter_async_context(aiohttp.ClientSession(api.url))
        headers = {"traceparent": TRACEPARENT, "Content-Type": "text/csv"}
        answer = await http.post("/api/upload", data=title_list(plain_films(2)), headers=headers)
        where = answer.headers["Location"]

        async def completed() -> bool:
            status = await (await http.get(where)).json()
            return bool(status["status"] == "completed")

        await until(completed)
        assert await api.stop() == 0
        assert await daemon.stop() == 0
    for name, event in (("api_service", "upload_stored"), ("enrich_service", "movie_enriched")):
        told = lines(tmp_path, f"{name}.log")
        assert [line["level"] for line in told if line["event"] == "tracing_unavailable"] == [
            "warning"
        ]
        assert {line["trace_id"] for line in told if line["event"] == event} == {TRACE}
