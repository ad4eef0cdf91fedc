from __future__ import annotations

import asyncio
import gzip
import json
import socket
import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from pydantic import SecretStr

from enrich_service.tmdb.client import LARGEST_ANSWER, TMDBClient
from enrich_service.tmdb.errors import (
    KeyRefusedError,
    MalformedError,
    NotFoundError,
    RateLimitedError,
    TMDBError,
    Trouble,
    UnavailableError,
)
from enrich_service.tmdb.requests import configuration, movie_details, search_movie

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

V3_KEY = "0123456789abcdef0123456789ABCDEF"
V4_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl-_"
FILM = {"id": 603, "title": "A Film", "credits": {"cast": [], "crew": []}}


@asynccontextmanager
async def server(
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


def client(base_url: str, *, key: str = V3_KEY, timeout_seconds: float = 5.0) -> TMDBClient:
    return TMDBClient(base_url=base_url, api_key=SecretStr(key), timeout_seconds=timeout_seconds)


async def failure(base_url: str, *, timeout_seconds: float = 5.0) -> TMDBError:
    """Send one request that fails, and show that the key is nowhere in what is raised."""
    async with client(base_url, timeout_seconds=timeout_seconds) as tmdb:
        with pytest.raises(TMDBError) as caught:
            await tmdb.send(movie_details(603))
    error = caught.value
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    shown = "".join(report.format()) + repr(error) + str(error) + repr(error.args)
    assert "0123456789abcdef" not in shown.lower()
    assert (error.__cause__, error.__context__) == (None, None)
    return error


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_a_v3_key_goes_as_a_parameter_and_a_v4_token_as_a_header() -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(
            (request.path, request.query.get("api_key"), request.headers.get("Authorization"))
        )
        return web.json_response(FILM)

    async with server(handler) as base_url:
        for key in (V3_KEY, V4_TOKEN):
            async with client(base_url, key=key) as tmdb:
                film = await tmdb.send(movie_details(603))
                assert film.title == "A Film"

    assert seen == [
        ("/3/movie/603", V3_KEY, None),
        ("/3/movie/603", None, f"Bearer {V4_TOKEN}"),
    ]


@pytest.mark.parametrize(
    "key", ["", "secret", V3_KEY[:-1], V3_KEY + "0", f" {V3_KEY}", "eyJ abc", "g" * 32]
)
def test_a_key_of_no_known_shape_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="TMDB_API_KEY is neither") as caught:
        client("http://127.0.0.1", key=key)

    assert not key or key not in str(caught.value)


async def test_parameters_arrive_as_they_were_meant() -> None:
    queries: list[dict[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        queries.append(dict(request.query))
        return web.json_response({"page": 1, "results": []})

    title = "Æon & Flux + 50% #1? ½ 千 a=b"
    async with server(handler) as base_url, client(f"{base_url}/proxy/") as tmdb:
        assert tmdb.language == "en-US"
        await tmdb.send(search_movie(title, year=2005))
        await tmdb.send(search_movie(title, language="fr-FR"))

    common = {"query": title, "include_adult": "false", "page": "1", "api_key": V3_KEY}
    assert queries == [
        common | {"year": "2005", "language": "en-US"},
        common | {"language": "fr-FR"},
    ]


async def test_one_connection_serves_many_requests_and_keeps_no_cookies() -> None:
    peers: set[object] = set()
    cookies: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.add(request.transport.get_extra_info("peername"))
        cookies.append(request.headers.get("Cookie"))
        return web.json_response(FILM, headers={"Set-Cookie": "track=me; Path=/"})

    async with server(handler) as base_url, client(base_url) as tmdb:
        for _ in range(3):
            await tmdb.send(movie_details(603))

    assert len(peers) == 1
    assert cookies == [None, None, None]


async def test_a_compressed_answer_is_read() -> None:
    async def handler(_: web.Request) -> web.Response:
        body = gzip.compress(json.dumps(FILM).encode())
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with server(handler) as base_url, client(base_url) as tmdb:
        assert (await tmdb.send(movie_details(603))).id == 603


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, {"status_code": 34, "status_message": "Not found."}, NotFoundError),
        (401, {"status_code": 7, "status_message": "Invalid API key."}, KeyRefusedError),
        (429, {"status_code": 25, "status_message": "Over the limit."}, RateLimitedError),
        (500, {"status_code": 11, "status_message": "Internal error."}, UnavailableError),
        (200, {"id": 603}, MalformedError),
    ],
)
async def test_refusals_are_told_apart(status: int, body: object, kind: type[TMDBError]) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(body, status=status, headers={"Retry-After": "3"})

    async with server(handler) as base_url:
        error = await failure(base_url)

    assert type(error) is kind
    if isinstance(error, RateLimitedError | UnavailableError):
        assert error.retry_after == pytest.approx(3.0)


async def test_a_page_in_place_of_json_is_malformed() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(text="<html>Welcome to this hotel</html>", content_type="text/html")

    async with server(handler) as base_url:
        assert isinstance(await failure(base_url), MalformedError)


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_cut_short_is_told_by_its_status(status: int) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        body = json.dumps(FILM).encode()
        response = web.StreamResponse(status=status, headers={"Content-Length": str(len(body))})
        await response.prepare(request)
        await response.write(body[:20])
        assert request.transport is not None
        request.transport.close()
        return response

    async with server(handler) as base_url:
        error = await failure(base_url)

    if status == 200:
        assert isinstance(error, MalformedError)
        assert "cut short after 20 bytes" in str(error)
    else:
        assert isinstance(error, UnavailableError)
        assert error.kind is Trouble.SERVER_ERROR


async def test_a_broken_compression_is_malformed() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=b"not gzip at all", headers={"Content-Encoding": "gzip"})

    async with server(handler) as base_url:
        assert isinstance(await failure(base_url), MalformedError)


async def test_an_endless_answer_is_cut_off() -> None:
    async def handler(_: web.Request) -> web.Response:
        body = gzip.compress(b" " * (LARGEST_ANSWER + 1))
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    async with server(handler) as base_url:
        error = await failure(base_url)

    assert isinstance(error, MalformedError)
    assert "larger than" in str(error)


async def test_silence_ends_at_the_timeout_before_and_within_the_answer() -> None:
    async def silent(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def stuck(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "500"})
        await response.prepare(request)
        await response.write(b'{"id": 603')
        await asyncio.Event().wait()
        return response

    for handler in (silent, stuck):
        async with server(handler) as base_url:
            error = await failure(base_url, timeout_seconds=0.2)
        assert isinstance(error, UnavailableError)
        assert error.kind is Trouble.TIMEOUT


async def test_a_connection_that_ends_without_an_answer_is_a_reset() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with server(handler) as base_url:
        error = await failure(base_url)

    assert isinstance(error, UnavailableError)
    assert error.kind is Trouble.RESET


async def test_a_closed_port_and_a_port_without_tls_are_no_connection() -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.json_response(FILM)

    errors = [await failure(f"http://127.0.0.1:{closed_port()}")]
    async with server(handler) as base_url:
        errors.append(await failure(base_url.replace("http:", "https:")))

    for error in errors:
        assert isinstance(error, UnavailableError)
        assert error.kind is Trouble.CONNECTION


async def test_what_does_not_speak_http_is_not_tmdb() -> None:
    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP ready\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(speak, "127.0.0.1", 0)
    async with listener:
        error = await failure(f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")

    assert isinstance(error, UnavailableError)
    assert error.kind in {Trouble.FOREIGN, Trouble.RESET}


async def test_a_redirect_is_not_followed_so_the_key_goes_nowhere_else() -> None:
    paths: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        paths.append(request.path)
        raise web.HTTPFound("/elsewhere")

    async with server(handler) as base_url:
        error = await failure(base_url)

    assert paths == ["/3/movie/603"]
    assert isinstance(error, UnavailableError)
    assert error.kind is Trouble.FOREIGN


async def test_after_a_failure_the_client_goes_on() -> None:
    answers = iter([500, 200])

    async def handler(_: web.Request) -> web.Response:
        images = {"secure_base_url": "https://image.test/t/p/"}
        return web.json_response({"images": images}, status=next(answers))

    async with server(handler) as base_url, client(base_url) as tmdb:
        with pytest.raises(UnavailableError):
            await tmdb.send(configuration())
        answer = await tmdb.send(configuration())

    assert answer.images.secure_base_url == "https://image.test/t/p/"


async def test_outside_its_context_the_client_says_so() -> None:
    tmdb = client("http://127.0.0.1")

    with pytest.raises(RuntimeError, match="outside `async with`"):
        await tmdb.send(configuration())
    async with tmdb:
        pass
    with pytest.raises(RuntimeError, match="outside `async with`"):
        await tmdb.send(configuration())
