"""Bodies that come too slowly are given up, those that come at all are not, and folders go."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from api_service.context import DISK_BUDGET, LIMITS
from api_service.limits import body_pace
from tests.support.waiting import PATIENCE_SECONDS, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.support.api_client import Service

    MakeService = Callable[..., Awaitable[Service]]

HEAD = """POST {path} HTTP/1.1\r
Host: x\r
Content-Type: text/csv\r
Content-Length: {size}\r
\r
"""


@pytest.fixture(autouse=True)
def short_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_pace, "WINDOW_SECONDS", 0.3)
    monkeypatch.setattr("api_service.limits.body_pace.SMALL_BODY_SECONDS", 0.3)


async def trickle(service: Service, size: int, pieces: list[bytes], pause: float) -> bytes:
    """Send a body piece by piece; what is answered first."""
    reader, writer = await asyncio.open_connection(service.client.host, service.client.port)
    writer.write(HEAD.format(path="/api/upload", size=size).encode())
    answer = asyncio.create_task(reader.readline())
    for piece in pieces:
        writer.write(piece)
        await asyncio.wait({answer}, timeout=pause)
        if answer.done():
            break
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = await answer
    writer.close()
    return line


async def test_trickling_bodies_are_given_up_and_leave_nothing(
    make_service: MakeService, spooled: Callable[[], list[Path]]
) -> None:
    service = await make_service(upload_least_rate=1000)
    assert service.client.app is not None
    answers = await asyncio.gather(
        *(trickle(service, 1000, [b"x"] * 1000, 0.05) for _ in range(20))
    )
    assert {answer.split()[1] for answer in answers} == {b"408"}
    assert spooled() == []
    limits, room = service.client.app[LIMITS], service.client.app[DISK_BUDGET]
    await until(lambda: (limits.open_uploads.all, room.reserved) == (0, 0))
    await service.session("a,2000")


async def test_a_body_that_stops_after_a_fast_start_is_given_up(make_service: MakeService) -> None:
    service = await make_service(upload_least_rate=1000)
    answer = await trickle(service, 1_000_000, [b"x" * 500_000], 0.0)
    assert answer.split()[1] == b"408"


async def test_a_steady_body_may_take_many_windows(
    make_service: MakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_pace, "WINDOW_SECONDS", 1.5)  # longer than this machine stalls
    service = await make_service(upload_least_rate=100)
    rows = b"".join(b"Film %6d,2000\n" % number for number in range(200))
    body = b"Title,Year\n" + rows
    pieces = [body[start : start + 200] for start in range(0, len(body), 200)]
    answer = await trickle(service, len(body), pieces, 0.25)
    assert answer.split()[1] == b"201"


async def test_no_body_may_take_longer_than_all_of_them(make_service: MakeService) -> None:
    service = await make_service(upload_least_rate=100, upload_seconds=0.6)
    answer = await trickle(service, 100_000, [b"x" * 200] * 500, 0.05)
    assert answer.split()[1] == b"408"


async def test_a_slow_json_body_is_given_up(service: Service) -> None:
    session_id = await service.session("a,2000")
    path = f"/api/session/{session_id}/movies/1/match"
    head = HEAD.format(path=path, size=16).replace("POST", "PUT")
    reader, writer = await asyncio.open_connection(service.client.host, service.client.port)
    writer.write(head.encode() + b'{"tmdb_id"')
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await reader.readline()).split()[1] == b"408"
    writer.close()


async def test_a_slow_upload_says_what_was_asked_of_it(make_service: MakeService) -> None:
    service = await make_service(upload_least_rate=1000)
    request = HEAD.format(path="/api/upload", size=100).encode() + b"Title"
    answer = await service.raw(request)
    assert (answer.status, answer.code) == (408, "body_too_slow")
