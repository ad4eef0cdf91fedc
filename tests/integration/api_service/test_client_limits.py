"""What one client may use, and all together: 429 and 503, each with a reason and a time to wait."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import aiohttp
import pytest

from api_service.context import LIMITS, STORAGE
from tests.support.api_driving import CSV, Service, opened

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp import ClientResponse

    from shared.postgres.database import Database
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Until

    MakeService = Callable[..., Awaitable[Service]]

TOKEN = "a token for uploads"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CROSS_SITE = {"Sec-Fetch-Site": "cross-site"}
HEAD_OF_A_LIST = b"""POST /api/upload HTTP/1.1\r
Host: x\r
Content-Type: text/csv\r
Content-Length: 1000\r
\r
Title\n"""


def films(name: str, count: int) -> str:
    """A list of so many films that no list of another name has."""
    return "\n".join(["Title,Year", *(f"{name} {number},2000" for number in range(count))])


async def refused(
    service: Service, response: ClientResponse, status: int, code: str, limit: str
) -> None:
    """Check that a request was refused for this limit, and says when to come again."""
    problem = await service.problem(response, status, code)
    assert problem["limit"] == limit
    assert int(response.headers["Retry-After"]) > 0


async def upload_from(address: str, service: Service, body: str) -> int:
    """Upload from another address of this machine; the status of the answer."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as http,
        http.post(service.client.make_url("/api/upload"), data=opened(body), headers=CSV) as answer,
    ):
        return answer.status


# -- at once and in an hour ------------------------------------------------------------------------


async def test_uploads_beyond_the_hourly_limit_are_refused_to_that_client_alone(
    make_service: MakeService,
) -> None:
    service = await make_service(client_uploads=2)
    for name in ("a", "b"):
        await service.session(f"{name},2000")
    await refused(service, await service.upload(films("c", 1)), 429, "client_limit", "uploads")
    assert await upload_from("127.0.0.2", service, films("d", 1)) == 201
    assert (await service.stored())["sessions"] == 3


async def test_files_that_are_refused_count_as_uploads(make_service: MakeService) -> None:
    service = await make_service(client_uploads=1)
    assert (await service.upload(b"\xff\xd8\xff picture")).status == 422
    await refused(service, await service.upload(films("a", 1)), 429, "client_limit", "uploads")


async def test_an_upload_beside_too_many_open_ones(make_service: MakeService, until: Until) -> None:
    service = await make_service(client_open_uploads=1)
    assert service.client.app is not None
    limits = service.client.app[LIMITS]
    _, writer = await asyncio.open_connection(service.client.host, service.client.port)
    writer.write(HEAD_OF_A_LIST)
    await until(lambda: limits.open_uploads.all == 1)
    await refused(service, await service.upload(films("a", 1)), 429, "client_limit", "open_uploads")
    assert await upload_from("127.0.0.2", service, films("b", 1)) == 201
    writer.close()
    await until(lambda: limits.open_uploads.all == 0)
    await service.session("c,2000")


async def test_all_open_uploads_together_are_capped(
    make_service: MakeService, until: Until
) -> None:
    service = await make_service(max_open_uploads=1)
    assert service.client.app is not None
    limits = service.client.app[LIMITS]
    _, writer = await asyncio.open_connection(
        service.client.host, service.client.port, local_addr=("127.0.0.2", 0)
    )
    writer.write(HEAD_OF_A_LIST)
    await until(lambda: limits.open_uploads.all == 1)
    await refused(service, await service.upload(films("a", 1)), 503, "service_full", "open_uploads")
    writer.close()
    await until(lambda: limits.open_uploads.all == 0)
    await service.session("b,2000")


HEAVY = ("movies?sort=rating", "movies/positions", "summary", "export", "report")


@pytest.mark.parametrize("path", HEAVY)
async def test_heavy_reads_at_once_are_limited(
    make_service: MakeService, until: Until, path: str
) -> None:
    service = await make_service(client_heavy_reads=1)
    assert service.client.app is not None
    limits, storage = service.client.app[LIMITS], service.client.app[STORAGE]
    session = f"/api/session/{await service.session('a,2000')}"
    async with AsyncExitStack() as turns:
        for _ in range(2):
            await turns.enter_async_context(storage.heavy_reads.turn(1))
        waiting = asyncio.create_task(service.client.get(f"{session}/{path}"))
        await until(lambda: limits.heavy_reads.all == 1)
        response = await service.client.get(f"{session}/summary?decade=1990")
        await refused(service, response, 429, "client_limit", "heavy_reads")
        assert (await service.client.get(f"{session}/status")).status == 200
        assert (await service.client.get(f"{session}/movies")).status == 200, "is no heavy read"
    async with await waiting as answer:
        assert answer.status == 200
        await answer.read()
    await until(lambda: limits.heavy_reads.all == 0)
    assert (await service.client.get(f"{session}/summary")).status == 200


async def test_heavy_reads_in_a_minute_are_limited(make_service: MakeService) -> None:
    service = await make_service(client_reads_a_minute=3)
    session = f"/api/session/{await service.session('a,2000')}"
    for path in ("summary", "movies?sort=rating", "movies?q=a"):
        assert (await service.client.get(f"{session}/{path}")).status == 200
    for method, path in (("GET", "export"), ("POST", "enrich")):
        response = await service.client.request(method, f"{session}/{path}")
        await refused(service, response, 429, "client_limit", "reads_a_minute")
    assert (await service.client.get(f"{session}/movies")).status == 200


async def test_streams_of_events_are_limited(make_service: MakeService, until: Until) -> None:
    service = await make_service(client_event_streams=1)
    assert service.client.app is not None
    limits = service.client.app[LIMITS]
    session_id = await service.session("a,2000")
    async with service.events(session_id):
        response = await service.client.get(f"/api/session/{session_id}/events")
        await refused(service, response, 429, "client_limit", "event_streams")
    await until(lambda: limits.event_streams.all == 0)
    async with service.events(session_id):
        pass


# -- in the database -------------------------------------------------------------------------------


async def test_movies_stored_beyond_the_limit_are_refused_whole(make_service: MakeService) -> None:
    service = await make_service(client_movies_stored=10)
    kept = await service.session(*(f"a {number},2000" for number in range(6)))
    before = await service.stored()
    response = await service.upload(films("b", 5))
    await refused(service, response, 429, "client_limit", "movies_stored")
    assert await service.stored() == before
    await service.session(*(f"c {number},2000" for number in range(4)))
    response = await service.upload(films("d", 1))
    await refused(service, response, 429, "client_limit", "movies_stored")
    assert await upload_from("127.0.0.2", service, films("d", 10)) == 201
    assert (await service.client.delete(f"/api/session/{kept}")).status == 204
    await service.session(*(f"e {number},2000" for number in range(6)))


async def test_uploads_side_by_side_never_pass_the_limit(
    make_service: MakeService, database: Database
) -> None:
    service = await make_service(client_movies_stored=14)
    answers = await asyncio.gather(*(service.upload(films(f"list {n}", 5)) for n in range(8)))
    assert sorted(answer.status for answer in answers) == [201, 201, *(429,) * 6]
    assert (await service.stored())["movies"] == 10
    assert (
        await database.fetchval("select count(*) from queue_grants where session_id is null") == 0
    )


async def test_films_added_to_a_session_count(make_service: MakeService) -> None:
    service = await make_service(client_movies_stored=5)
    path = f"/api/session/{await service.session('a,2000')}/upload"
    response = await service.client.post(path, data=opened(films("b", 5)), headers=CSV)
    await refused(service, response, 429, "client_limit", "movies_stored")
    response = await service.client.post(path, data=opened(films("b", 4)), headers=CSV)
    assert response.status == 200
    assert await service.drifted() == []


async def test_a_session_of_nobody_becomes_that_of_who_adds_to_it(
    make_service: MakeService, database: Database
) -> None:
    service = await make_service(client_movies_stored=5)
    path = f"/api/session/{await service.session('a,2000')}/upload"
    client = await database.fetchval("update sessions set client = null returning client")
    response = await service.client.post(path, data=opened(films("b", 4)), headers=CSV)
    assert response.status == 200
    client = await database.fetchval("select client from sessions")
    assert len(client) == 32
    response = await service.client.post(path, data=opened(films("c", 1)), headers=CSV)
    await refused(service, response, 429, "client_limit", "movies_stored")


async def test_films_queued_beyond_the_limit_are_refused_and_known_ones_are_not(
    make_service: MakeService, daemon: Daemon
) -> None:
    service = await make_service(client_films_queued=5)
    await service.session(*(f"a {number},2000" for number in range(4)))
    before = await service.stored()
    response = await service.upload(films("b", 2))
    await refused(service, response, 429, "client_limit", "films_queued")
    assert await service.stored() == before
    await daemon.answer(not_found=[f"title:a {number}|2000" for number in range(4)])
    await service.session(*(f"a {number},2000" for number in range(4)), "b 0,2000", "b 1,2000")


async def test_all_sessions_together_are_capped(
    service: Service, make_service: MakeService
) -> None:
    await service.session("a,2000", "b,2000")
    for changes, limit in (
        ({"max_sessions": 1}, "sessions"),
        ({"max_movies_stored": 2}, "movies_stored"),
        ({"max_films_queued": 2}, "films_queued"),
    ):
        full = await make_service(**changes)
        await refused(full, await full.upload(films("c", 1)), 503, "service_full", limit)
    room = await make_service(max_sessions=2, max_movies_stored=3, max_films_queued=3)
    await room.session("c,2000")


async def test_repeated_upload_is_answered_where_new_ones_are_refused(
    service: Service, make_service: MakeService
) -> None:
    key = {"Idempotency-Key": "once"}
    first = await (await service.upload(films("a", 2), key)).json()
    for changes in ({"max_sessions": 1}, {"max_movies_stored": 2}, {"client_movies_stored": 2}):
        full = await make_service(**changes)
        again = await full.upload(films("a", 2), key)
        assert again.status == 201, await again.text()
        assert (await again.json())["session_id"] == first["session_id"]
        other = await full.upload(films("b", 2), key)
        await full.problem(other, 422, "idempotency_key_reused")
        assert (await full.upload(films("b", 2))).status in {429, 503}


async def test_addition_is_taken_where_there_are_as_many_sessions_as_may_be(
    service: Service, make_service: MakeService
) -> None:
    path = f"/api/session/{await service.session('a,2000')}/upload"
    full = await make_service(max_sessions=1)
    await refused(full, await full.upload(films("b", 1)), 503, "service_full", "sessions")
    response = await full.client.post(path, data=opened(films("c", 1)), headers=CSV)
    assert response.status == 200


async def test_what_the_service_refuses_for_itself_is_no_upload_of_the_hour(
    service: Service, make_service: MakeService
) -> None:
    await service.session("a,2000")
    full = await make_service(max_sessions=1, client_uploads=1)
    for _ in range(3):
        await refused(full, await full.upload(films("b", 1)), 503, "service_full", "sessions")


async def test_addresses_are_stored_nowhere(service: Service, database: Database) -> None:
    await service.session("a,2000")
    assert await upload_from("127.0.0.2", service, films("b", 1)) == 201
    clients = [row["client"] for row in await database.fetch("select client from sessions")]
    assert len(set(clients)) == 2
    assert all(len(bytes.fromhex(client)) == 16 for client in clients)


async def test_a_client_of_another_process_is_the_same(
    service: Service, make_service: MakeService, database: Database
) -> None:
    await service.session("a,2000")
    await (await make_service()).session("b,2000")
    assert await database.fetchval("select count(distinct client) from sessions") == 1


# -- tokens and other sites ------------------------------------------------------------------------


async def test_uploads_need_a_token_where_there_are_some(make_service: MakeService) -> None:
    service = await make_service(upload_tokens=DIGEST)
    for headers in ({}, {"Authorization": "Bearer something else"}):
        response = await service.upload(films("a", 1), headers)
        await service.problem(response, 401, "upload_token_required")
        assert response.headers["WWW-Authenticate"] == "Bearer"
    response = await service.upload(films("a", 1), BEARER)
    assert response.status == 201
    session = f"/api/session/{(await response.json())['session_id']}"
    assert (await service.client.get(f"{session}/status")).status == 200
    response = await service.client.post(f"{session}/upload", data=b"Title\nB\n", headers=CSV)
    await service.problem(response, 401, "upload_token_required")
    response = await service.client.post(
        f"{session}/upload", data=b"Title\nB\n", headers=CSV | BEARER
    )
    assert response.status == 200


async def test_a_token_is_one_client_wherever_it_is_used(
    make_service: MakeService, database: Database
) -> None:
    service = await make_service(upload_tokens=DIGEST, client_uploads=1)
    assert (await service.upload(films("a", 1), BEARER)).status == 201
    response = await service.upload(films("b", 1), BEARER)
    await refused(service, response, 429, "client_limit", "uploads")
    assert TOKEN not in await database.fetchval("select client from sessions")


async def test_what_another_site_has_a_browser_send_changes_nothing(service: Service) -> None:
    session = f"/api/session/{await service.session('a,2000')}"
    for method, path in (
        ("POST", "/api/upload"),
        ("POST", f"{session}/upload"),
        ("POST", f"{session}/enrich"),
        ("DELETE", session),
        ("PUT", f"{session}/movies/1/match"),
        ("DELETE", f"{session}/movies/1/match"),
        ("POST", "/worker/pause"),
    ):
        response = await service.client.request(method, path, headers=CSV | CROSS_SITE)
        await service.problem(response, 403, "cross_site_request")
    for site in ("same-origin", "same-site", "none"):
        headers = {"Sec-Fetch-Site": site}
        assert (await service.upload(films(site, 1), headers)).status == 201
    response = await service.client.get(f"{session}/status", headers=CROSS_SITE)
    assert response.status == 200, "a link from elsewhere"
