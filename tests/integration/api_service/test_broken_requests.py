"""Requests that no proper client sends: never a 500, never half an upload, never a trace."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.api_driving import Service, Until

pytestmark = pytest.mark.filterwarnings(
    # aiohttp warns of what it could not read of the header, and goes on without it.
    "ignore::aiohttp.multipart.BadContentDispositionHeader",
    "ignore::aiohttp.multipart.BadContentDispositionParam",
)

FORM = b"multipart/form-data; boundary=b"
FILE = b'Content-Disposition: form-data; name="f"; filename="f.csv"'
END = b"--b--\r\n"
LIST = b"Title\nHeat\n"


def post(body: bytes, kind: bytes = FORM, *headers: bytes) -> bytes:
    """An upload as bytes, with a right Content-Length."""
    return b"\r\n".join(
        [
            b"POST /api/upload HTTP/1.1",
            b"Host: localhost",
            b"Connection: close",
            b"Content-Type: " + kind,
            b"Content-Length: %d" % len(body),
            *headers,
            b"",
            body,
        ]
    )


def chunked(body: bytes, kind: bytes = FORM) -> bytes:
    """An upload as bytes, its body in chunked encoding as given."""
    return post(body, kind, b"Transfer-Encoding: chunked").replace(
        b"Content-Length: %d\r\n" % len(body), b""
    )


def part(*headers: bytes, content: bytes = LIST) -> bytes:
    return b"\r\n".join([b"--b", *headers, b"", content, b""])


# -- forms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(part(FILE), id="no closing boundary"),
        pytest.param(part(FILE) + b"--b\r\n", id="breaks off before a part's headers"),
        pytest.param(b"--b\r\n" + FILE, id="breaks off in a header"),
        pytest.param(b"--b\r\n" + FILE + b"\r\n\r\nTitle\nHe", id="breaks off in a file"),
        pytest.param(part(FILE) + part(FILE)[:-20], id="breaks off in the second file"),
        pytest.param((part(FILE) + END).replace(b"--b", b"--c"), id="another boundary"),
        pytest.param(LIST, id="no boundary at all"),
        pytest.param(b"\0\xff" * 500, id="random bytes"),
        pytest.param(b"x" * 300_000, id="no line end anywhere"),
        pytest.param(part(b"no colon") + END, id="a header without a colon"),
        pytest.param(part(b"X: " + b"y" * 9_000) + END, id="a header of 9,000 bytes"),
        pytest.param(part(*[b"X: y"] * 200) + END, id="200 headers"),
        pytest.param(part(b"X: \0") + END, id="NUL in a header"),
        pytest.param(part(b"Bad Name: x") + END, id="a space in a header's name"),
        pytest.param(part(FILE, b"Content-Type: multipart/mixed; boundary=c") + END, id="nested"),
        pytest.param(part(FILE, b"Content-Type: multipart/mixed") + END, id="nested, unbounded"),
        pytest.param(
            part(b'Content-Disposition: form-data; name="_charset_"', content=b"\xff\xfe")
            + part(FILE)
            + END,
            id="a character set that is no text",
        ),
    ],
)
async def test_a_broken_form(refusing: Service, body: bytes) -> None:
    answer = await refusing.raw(post(body))
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(b"multipart/form-data", id="missing"),
        pytest.param(b"multipart/form-data; boundary=", id="nothing"),
        pytest.param(b'multipart/form-data; boundary=""', id="empty"),
        pytest.param(b"multipart/form-data; boundary=" + b"b" * 80, id="too long"),
        pytest.param(b"multipart/form-data; boundary=\xff\xfe", id="not UTF-8"),
    ],
)
async def test_a_form_without_a_usable_boundary(refusing: Service, kind: bytes) -> None:
    answer = await refusing.raw(post(part(FILE) + END, kind))
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize(
    ("disposition", "named"),
    [
        pytest.param(b"form-data; name=f; filename*=UTF-8''%00best.csv", "best", id="NUL"),
        pytest.param(b'form-data; name=f; filename="\xffbest.csv"', "best", id="not UTF-8"),
        pytest.param(b"form-data; name=f; filename*=UTF-8''%01%E2%80%AEbest.csv", "best", id="C0"),
        pytest.param(b"form-data; name=f; filename*=nonsense''best.csv", "best", id="charset"),
    ],
)
async def test_a_list_is_called_by_what_can_be_stored_of_its_files_name(
    service: Service, disposition: bytes, named: str
) -> None:
    content = b"Position,Name,Year,URL\n1,Heat,1995,https://boxd.it/heat\n"
    answer = await service.raw(
        post(part(b"Content-Disposition: " + disposition, content=content) + END)
    )
    assert answer.status == 201, answer
    lists = await service.database.fetchval("select lists from movies")
    assert lists == [named]


async def test_a_disposition_that_says_nothing_does_no_harm(service: Service) -> None:
    answer = await service.raw(post(LIST, b"text/csv", b"Content-Disposition: ;;;"))
    assert answer.status == 201


# -- heads -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param([b"X: y"] * 60, 200, id="60 headers"),
        pytest.param([b"X: y"] * 70, 400, id="70 headers"),
        pytest.param([b"X: " + b"y" * 4_000], 200, id="a header of 4,000 bytes"),
        pytest.param([b"X: " + b"y" * 4_200], 431, id="a header of 4,200 bytes"),
        pytest.param([b"Cookie: " + b"y" * 4_000] * 60, 200, id="as much as there may be"),
    ],
)
async def test_heads_have_few_headers_that_are_not_long(
    refusing: Service, headers: list[bytes], status: int
) -> None:
    head = [b"GET /livez HTTP/1.1", b"Host: x", b"Connection: close", *headers, b"", b""]
    answer = await refusing.raw(b"\r\n".join(head))
    assert answer.status == status


# -- bodies ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", [b"gzip", b"deflate", b"identity, gzip", b"x\xff"])
async def test_a_compressed_upload_is_not_read(refusing: Service, coding: bytes) -> None:
    # One that breaks off could not be told from a whole one.
    answer = await refusing.raw(post(LIST, b"text/csv", b"Content-Encoding: " + coding))
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_a_correction_that_is_not_compressed_as_it_says(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    request = post(b'{"tmdb_id": 603}', b"application/json", b"Content-Encoding: gzip")
    path = f"PUT /api/session/{session_id}/movies/1/match ".encode()
    answer = await service.raw(request.replace(b"POST /api/upload ", path))
    assert (answer.status, answer.code) == (400, "bad_request")


@pytest.mark.parametrize("kind", [FORM, b"text/csv"])
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"zz\r\nTitle\r\n0\r\n\r\n", id="a size that is no number"),
        pytest.param(b"5\r\nTitle\nHeat\r\n0\r\n\r\n", id="a size that is too small"),
        pytest.param(b"-5\r\nTitle\r\n0\r\n\r\n", id="a negative size"),
        pytest.param(b"5\r\n--b\r\n\r\nxx", id="a second size that is no number"),
    ],
)
async def test_a_broken_chunk(refusing: Service, body: bytes, kind: bytes) -> None:
    answer = await refusing.raw(chunked(body, kind))
    assert answer.status == 400


# -- heads -----------------------------------------------------------------------------------------

GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"\x16\x03\x01\0garbage\r\n\r\n", 400, id="TLS on a plain port"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", 400, id="a version there is not"),
        pytest.param(b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", 414, id="a long address"),
        pytest.param(b"GET /\xff HTTP/1.1\r\n\r\n", 400, id="an address that is not UTF-8"),
        pytest.param(b"GET http://[bad/ HTTP/1.1\r\n\r\n", 400, id="a host that is none"),
        pytest.param(GET + b"X\r\n\r\n", 400, id="a header without a colon"),
        pytest.param(GET + b"X: " + b"y" * 9_000 + b"\r\n\r\n", 431, id="a long header"),
        pytest.param(GET + b"X: y\r\n" * 200 + b"\r\n", 400, id="200 headers"),
        pytest.param(GET + b"Content-Length: -5\r\n\r\n", 400, id="a negative length"),
        pytest.param(GET + b"Content-Length: x\r\n\r\n", 400, id="a length that is no number"),
        pytest.param(
            GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, id="two lengths"
        ),
        pytest.param(GET + b"Host: [::bad\r\n\r\n", 400, id="two hosts"),
        pytest.param(GET + b"X-Request-ID: \xff\r\n\r\n", 200, id="a request id, not UTF-8"),
        pytest.param(GET.replace(b"GET", b"OPTIONS") + b"\r\n", 405, id="OPTIONS"),
        pytest.param(GET.replace(b"GET /livez", b"OPTIONS *") + b"\r\n", 404, id="OPTIONS *"),
        pytest.param(GET.replace(b"GET", b"BREW") + b"\r\n", 400, id="a method there is not"),
        pytest.param(
            GET.replace(b"/livez", b"/api/session/%ff%00") + b"\r\n", 404, id="a path, not UTF-8"
        ),
        pytest.param(
            GET.replace(b"GET /livez", b"POST /worker/pause")
            + b"Authorization: Bearer \xff\r\n\r\n",
            401,
            id="a token that is not UTF-8",
        ),
    ],
)
async def test_a_head_that_no_client_sends(
    refusing: Service, request_bytes: bytes, status: int
) -> None:
    answer = await refusing.raw(request_bytes)
    assert answer.status == status
    assert "\r\nx-request-id: " in answer.head
    assert "\r\nserver: projectionist\r\n" in answer.head
    assert "\r\nx-content-type-options: nosniff" in answer.head
    assert "\r\ncache-control: no-store" in answer.head
    if status >= 400:
        assert answer.code
        assert b"aaa" not in answer.body, "what was sent is not repeated"


@pytest.mark.parametrize("address", [b"/livez", b"/worker/status", b"/nowhere", b"/api/upload"])
async def test_an_expectation_there_is_not(refusing: Service, address: bytes) -> None:
    request = GET.replace(b"/livez", address) + b"Expect: nonsense\r\n\r\n"
    answer = await refusing.raw(request)
    assert answer.status == 417
    assert answer.code == "expectation_failed"


async def test_a_client_that_waits_to_be_told_to_go_on_is_told(service: Service) -> None:
    answer = await service.raw(post(LIST, b"text/csv", b"Expect: 100-continue"))
    assert answer.status == 100
    assert answer.body.startswith(b"HTTP/1.1 201 ")


# -- clients that go away --------------------------------------------------------------------------


CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(LIST), LIST)


@pytest.mark.parametrize("how", ["close", "abort"])
@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(post(part(FILE) + END), id="form"),
        pytest.param(post(LIST, b"text/csv"), id="raw"),
        pytest.param(chunked(CHUNK, b"text/csv"), id="chunk"),
    ],
)
async def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(
    refusing: Service,
    spooled: Callable[[], list[Path]],
    until: Until,
    caplog: pytest.LogCaptureFixture,
    *,
    request_bytes: bytes,
    how: str,
) -> None:
    _, writer = await asyncio.open_connection(refusing.client.host, refusing.client.port)
    writer.write(request_bytes[:-8])
    await until(spooled)
    with capture_logs() as events:
        if how == "close":
            writer.close()
        else:
            writer.transport.abort()
        await until(lambda: not spooled())
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert "request_crashed" not in [event["event"] for event in events]
