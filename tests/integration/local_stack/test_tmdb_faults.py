"""Faults on demand over real HTTP: each kind goes wrong in just its own way, as often as told."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from local_stack.tmdb.app import create_app
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.generator import FIRST_ID, generate_films
from local_stack.tmdb.options import StandInOptions
from tests.support.driving import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

V3 = "f" * 32
CATALOGUE = Catalogue(generate_films(30, 1))
MOVIE = f"/3/movie/{FIRST_ID}?append_to_response=credits&api_key={V3}"
CONFIGURATION = f"/3/configuration?api_key={V3}"
PROMPT = aiohttp.ClientTimeout(total=0.3)
SHUTDOWN_SECONDS = 60.0
"""For which aiohttp waits for requests under way, unless it is told otherwise."""


@pytest_asyncio.fixture(name="tmdb")
async def _tmdb() -> AsyncIterator[Client]:
    async with TestClient(TestServer(create_app(CATALOGUE, StandInOptions(limit=1000)))) as client:
        yield client


async def lay(client: Client, *rules: dict[str, Any]) -> None:
    async with client.put("/_stand_in/faults", json=list(rules)) as answer:
        assert answer.status == 200, await answer.text()


async def statuses(client: Client, path: str, times: int) -> list[int]:
    seen: list[int] = []
    for _ in range(times):
        async with client.get(path) as answer:
            seen.append(answer.status)
    return seen


async def struck(client: Client) -> dict[str, int]:
    async with client.get("/_stand_in/report") as answer:
        counts: dict[str, int] = (await answer.json())["faults_struck"]
        return counts


async def test_a_status_comes_with_tmdbs_body(tmdb: Client) -> None:
    await lay(tmdb, {"match": "/3/movie", "kind": "status", "status": 503})
    async with tmdb.get(MOVIE) as answer:
        assert answer.status == 503
        assert (await answer.json())["status_code"] == 9
        assert "Retry-After" not in answer.headers
    assert await statuses(tmdb, CONFIGURATION, 1) == [200]
    assert await struck(tmdb) == {"status": 1}


async def test_a_status_may_have_headers_and_a_body_of_its_own(tmdb: Client) -> None:
    rule = {"match": ".", "kind": "status", "status": 429}
    await lay(tmdb, {**rule, "headers": {"retry-after": "3", "content-type": "text/plain"}})
    async with tmdb.get(MOVIE) as answer:
        assert (answer.headers["Retry-After"], answer.content_type) == ("3", "text/plain")
        assert (await answer.json(content_type=None))["status_code"] == 25
    await lay(tmdb, {**rule, "body": {"status_code": 10}})
    async with tmdb.get(MOVIE) as answer:
        assert await answer.json() == {"status_code": 10}
    await lay(tmdb, {**rule, "status": 418, "body": "plain"})
    async with tmdb.get(MOVIE) as answer:
        assert await answer.text() == "plain"
    await lay(tmdb, {**rule, "status": 418})
    async with tmdb.get(MOVIE) as answer:
        assert await answer.text() == ""


async def test_garbage_is_200_and_html(tmdb: Client) -> None:
    await lay(tmdb, {"match": ".", "kind": "garbage"})
    async with tmdb.get(MOVIE) as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        assert (await answer.text()).startswith("<!DOCTYPE html>")


async def test_a_wrong_shape_is_200_and_json(tmdb: Client) -> None:
    await lay(tmdb, {"match": ".", "kind": "wrong_shape"})
    async with tmdb.get(MOVIE) as answer:
        body = await answer.json()
        assert answer.status == 200
    assert not isinstance(body["id"], int)
    assert not isinstance(body["results"], list)


async def test_a_truncated_answer_breaks_off_before_its_length(tmdb: Client) -> None:
    async with tmdb.get(MOVIE) as answer:
        whole = await answer.read()
    await lay(tmdb, {"match": ".", "kind": "truncated", "times": 1})
    async with tmdb.get(MOVIE) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Length"] == str(len(whole))
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    assert await statuses(tmdb, MOVIE, 1) == [200]


async def test_a_reset_is_a_broken_connection_without_an_answer(tmdb: Client) -> None:
    await lay(tmdb, {"match": ".", "kind": "reset"})
    reader, writer = await asyncio.open_connection(tmdb.host, tmdb.port)
    writer.write(f"GET {MOVIE} HTTP/1.1\r\nHost: tmdb\r\n\r\n".encode())
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    async with tmdb.get("/_stand_in/report") as answer:
        assert (await answer.json())["answered"] == {}


async def test_a_hanging_request_ends_when_its_client_leaves(tmdb: Client) -> None:
    await lay(tmdb, {"match": ".", "kind": "hang", "times": 1})
    with pytest.raises(TimeoutError):
        await tmdb.get(MOVIE, timeout=PROMPT)
    assert await statuses(tmdb, MOVIE, 1) == [200]
    assert await struck(tmdb) == {"hang": 1}


async def test_a_hanging_request_does_not_hold_up_the_end_of_the_server() -> None:
    client: Client = TestClient(TestServer(create_app(CATALOGUE)))
    await client.start_server()
    await lay(client, {"match": ".", "kind": "hang"})
    reader, writer = await asyncio.open_connection(client.host, client.port)
    writer.write(f"GET {MOVIE} HTTP/1.1\r\nHost: tmdb\r\n\r\n".encode())
    await until(lambda: struck(client))
    async with asyncio.timeout(SHUTDOWN_SECONDS / 2):
        await client.close()
        assert await reader.read() == b""
    writer.close()


async def test_a_delay_is_the_true_answer_later(tmdb: Client) -> None:
    await lay(tmdb, {"match": ".", "kind": "delay", "seconds": 0.1})
    begun = time.monotonic()
    async with tmdb.get(MOVIE) as answer:
        assert (await answer.json())["id"] == FIRST_ID
    assert time.monotonic() - begun >= 0.1


async def test_a_held_request_is_answered_when_the_rules_change(tmdb: Client) -> None:
    await lay(tmdb, {"match": ".", "kind": "hold"})
    asked = asyncio.create_task(statuses(tmdb, MOVIE, 1))
    await until(lambda: struck(tmdb))
    assert not asked.done()
    await lay(tmdb)
    assert await asked == [200]


async def test_a_held_request_does_not_hold_up_the_end_of_the_server() -> None:
    client: Client = TestClient(TestServer(create_app(CATALOGUE)))
    await client.start_server()
    await lay(client, {"match": ".", "kind": "hold"})
    asked = asyncio.create_task(statuses(client, MOVIE, 1))
    await until(lambda: struck(client))
    async with asyncio.timeout(SHUTDOWN_SECONDS / 2):
        await client.server.close()
    assert await asked == [200]
    await client.close()


async def test_a_rule_strikes_as_often_as_it_says(tmdb: Client) -> None:
    await lay(tmdb, {"match": ".", "kind": "status", "status": 500, "times": 2})
    assert await statuses(tmdb, CONFIGURATION, 4) == [500, 500, 200, 200]


async def test_the_first_rule_that_strikes_decides(tmdb: Client) -> None:
    await lay(
        tmdb,
        {"match": "movie", "kind": "status", "status": 502, "times": 1},
        {"match": ".", "kind": "status", "status": 504},
    )
    assert await statuses(tmdb, MOVIE, 2) == [502, 504]
    assert await statuses(tmdb, CONFIGURATION, 1) == [504]


async def test_rules_are_replaced_as_a_whole(tmdb: Client) -> None:
    await lay(tmdb, {"match": ".", "kind": "status", "status": 500})
    await lay(tmdb)
    assert await statuses(tmdb, CONFIGURATION, 1) == [200]


async def test_a_probability_strikes_some_and_the_same_ones_each_time(tmdb: Client) -> None:
    rule = {"match": ".", "kind": "status", "status": 500, "probability": 0.5}
    await lay(tmdb, rule)
    first = await statuses(tmdb, CONFIGURATION, 40)
    await lay(tmdb, rule)
    assert await statuses(tmdb, CONFIGURATION, 40) == first
    assert 8 < first.count(500) < 32
    await lay(tmdb, {**rule, "probability": 0})
    assert set(await statuses(tmdb, CONFIGURATION, 10)) == {200}


async def test_rules_match_the_decoded_path_and_query(tmdb: Client) -> None:
    await lay(tmdb, {"match": r"query=Amélie & co\b", "kind": "status", "status": 500})
    search = f"/3/search/movie?api_key={V3}&query="
    assert await statuses(tmdb, f"{search}Am%C3%A9lie+%26%20co&year=2001", 1) == [500]
    assert await statuses(tmdb, f"{search}Am%C3%A9lie", 1) == [200]


async def test_faults_leave_pictures_and_the_control_plane_alone(tmdb: Client) -> None:
    await lay(tmdb, {"match": "", "kind": "status", "status": 500})
    assert await statuses(tmdb, f"/t/p/w92{_poster()}", 1) == [200]
    assert await statuses(tmdb, "/_stand_in/report", 1) == [200]


def _poster() -> str:
    return next(f"/{film.id}.svg" for film in CATALOGUE.films if film.poster)


@pytest.mark.parametrize(
    "rules",
    [
        "{",
        "{}",
        '[{"match": "(", "kind": "hang"}]',
        '[{"match": ".", "kind": "explode"}]',
        '[{"match": ".", "kind": "status"}]',
        '[{"match": ".", "kind": "status", "status": 99}]',
        '[{"match": ".", "kind": "delay"}]',
        '[{"match": ".", "kind": "hang", "times": -1}]',
        '[{"match": ".", "kind": "hang", "probability": 2}]',
        '[{"match": ".", "kind": "status", "status": 500, "headers": {"a": "b\\r\\nc: d"}}]',
        '[{"match": ".", "kind": "hang", "often": true}]',
    ],
)
async def test_wrong_rules_are_refused_and_the_old_ones_stay(tmdb: Client, rules: str) -> None:
    await lay(tmdb, {"match": ".", "kind": "status", "status": 500})
    async with tmdb.put("/_stand_in/faults", data=rules) as answer:
        assert answer.status == 422
        assert (await answer.json())["errors"]
    assert await statuses(tmdb, CONFIGURATION, 1) == [500]
