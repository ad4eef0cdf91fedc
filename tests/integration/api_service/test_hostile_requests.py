"""Thousands of requests made by hand to do harm: each is refused or cut off, and nobody else is."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import random
import zipfile
from typing import TYPE_CHECKING

import aiohttp
import psutil
import pytest

from local_stack.processes import Program, free_port
from local_stack.stack import LIFTED
from tests.support.driving import create_database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres

    Family = Callable[[random.Random], Iterator[bytes]]

MEGABYTE = 1024**2
AT_ONCE = 32
LEAVE_SECONDS = 0.5
"""Until a client leaves that has sent less than it has promised."""
PATIENCE_SECONDS = 30.0
BODY_SECONDS = 2
"""Until a body that has not ended is given up."""
MOST_UNANSWERED = {"lying_lengths": 500, "chunked_garbage": 300, "odd_signs": 400}
"""Requests that wait for more, because of what they promise; all others have an answer."""
GROWTH = 100 * MEGABYTE
"""That the API's memory may have at the end beside what it had when it had answered once."""
LEAST = 5_000
"""Requests, of all families together."""
LIST = b"Title,Year\nHeat,1995\n"
FILE = b'Content-Disposition: form-data; name="f"; filename="f.csv"\r\n\r\n'
SESSION = "/api/session/00000000-0000-4000-8000-000000000000"
NAMES = ("X-A", "Cookie", "Idempotency-Key", "Content-Disposition", "X-Forwarded-For", "Range")


def request(
    body: bytes = b"",
    *headers: bytes,
    line: bytes = b"POST /api/upload",
    kind: bytes = b"text/csv",
    length: bytes | None = None,
) -> bytes:
    """A request as bytes; `length` is what it says of its body, b"" that it says nothing."""
    said = b"%d" % len(body) if length is None else length
    lines = [line + b" HTTP/1.1", b"Host: x", b"Connection: close", b"Content-Type: " + kind]
    lines += [b"Content-Length: " + said] if said else []
    return b"\r\n".join([*lines, *headers, b"", body])


def form(body: bytes, *headers: bytes) -> bytes:
    return request(body, *headers, kind=b"multipart/form-data; boundary=b")


def noise(dice: random.Random, longest: int) -> bytes:
    return dice.randbytes(dice.randint(1, longest))


def broken_forms(dice: random.Random) -> Iterator[bytes]:
    """Forms that break off, whose boundaries are wrong, and whose parts have broken heads."""
    whole = b"--b\r\n" + FILE + LIST * 3 + b"\r\n--b\r\n" + FILE + LIST
    for _ in range(500):
        yield form(whole[: dice.randrange(1, len(whole))])
    for _ in range(300):
        yield form(b"--b\r\n" + noise(dice, 200) + b"\r\n\r\n" + LIST)
    for _ in range(300):
        yield form(noise(dice, 2_000))
    for _ in range(200):
        yield form(
            (whole + b"\r\n--b--\r\n").replace(b"--b", b"--" + dice.choice([b"c", b"", b"\0"]))
        )
    for size in range(100):
        yield form(b"--b\r\n" + b"X: y\r\n" * (150 + size) + b"\r\n" + LIST)
        yield form(b"--b\r\nX: " + b"y" * (9_000 + 100 * size) + b"\r\n\r\n" + LIST)
    for boundary in (b"", b'"', b"\xff" * 80, b"b" * 100, b"b; boundary=c"):
        kind = b"multipart/form-data; boundary=" + boundary
        yield from (request(whole, kind=kind) for _ in range(10))


def lying_lengths(dice: random.Random) -> Iterator[bytes]:
    """Bodies that are shorter than they say, and lengths that are none."""
    for _ in range(400):
        body = LIST * dice.randint(1, 50)
        yield request(body, length=b"%d" % (len(body) + dice.randint(1, 10_000)))
    for length in (
        b"-1",
        b"+21",
        b"21.0",
        b"0x15",
        b"21, 22",
        b"1e3",
        b"\xb2\xb9",
        b"9" * 30,
        b" ",
    ):
        yield from (request(LIST, length=length) for _ in range(20))
    for _ in range(100):
        yield request(LIST, b"Content-Length: %d" % (len(LIST) + dice.randint(1, 9)))
    for _ in range(50):
        yield request(LIST, b"Transfer-Encoding: chunked")
        yield request(b"", length=b"0")


def chunked_garbage(dice: random.Random) -> Iterator[bytes]:
    """Bodies in chunks whose sizes and ends are wrong, or that never end."""
    chunk = b"%x\r\n%s\r\n" % (len(LIST), LIST)
    encoded = b"Transfer-Encoding: chunked"
    for _ in range(300):
        yield request(chunk + noise(dice, 50).replace(b"0", b"1"), encoded, length=b"")
    for size in (
        b"-5",
        b"g",
        b"",
        b" ",
        b"0x5",
        b"ffffffffffffffffff",
        b"5 5",
        b"\0",
        b"5;" + b"x" * 9_000,
    ):
        yield from (request(size + b"\r\n" + LIST, encoded, length=b"") for _ in range(20))
    for _ in range(200):
        yield request((chunk * 5)[: -dice.randint(1, len(chunk))], encoded, length=b"")
    for coding in (b"gzip, chunked", b"identity", b"chunked, chunked", b"\xff"):
        yield from (request(chunk, b"Transfer-Encoding: " + coding, length=b"") for _ in range(20))


def huge_heads(dice: random.Random) -> Iterator[bytes]:
    """Heads with too many headers, with long ones, and long request lines."""
    for size in range(150):
        yield request(LIST, b"X: " + b"y" * (8_200 + 50 * size))
        yield request(LIST, *(b"X-%d: y" % number for number in range(130 + size)))
        yield request(LIST, line=b"POST /" + b"x" * (8_200 + 50 * size))
    for _ in range(100):
        yield request(LIST, b"n" * dice.randint(8_200, 20_000) + b": x")


def odd_signs(dice: random.Random) -> Iterator[bytes]:
    """NUL, control characters, halves of surrogate pairs and no UTF-8 at all, wherever it goes."""
    odd = (
        b"\0",
        b"\r",
        b"\n",
        b"\x1b",
        b"\x7f",
        b"\xff",
        b"\xed\xa0\x80",
        b"\xc0\xaf",
        b"\xf4\x90\x80\x80",
    )
    for sign in odd:
        for _ in range(20):
            where = noise(dice, 20).hex().encode()
            yield request(line=b"GET /" + where + sign + where)
            yield request(b"{}", line=f"PUT {SESSION}/movies/1".encode() + sign + b"/match")
            yield request(LIST, b"Bad" + sign + b"Name: x", length=b"a")
            yield request(b"%s%s" % (sign * 40, b"\0" * 100))
    for name in NAMES:
        for sign in odd:
            yield request(LIST, name.encode() + b": " + sign, line=b"POST /nowhere")


def deep_json(dice: random.Random) -> Iterator[bytes]:
    """JSON that is deep, endless, of huge numbers, or of no kind that a list is."""
    for depth in (50, 1_000, 20_000, 200_000):
        for opened, closed in (("[", "]"), ('{"a":', "}"), ('[{"title":', "}]")):
            body = (opened * depth + "null" + closed * depth).encode()[:MEGABYTE]
            for text in (body, body[: len(body) // 2]):
                yield from (request(text, kind=b"application/json") for _ in range(5))
                yield request(text, line=f"PUT {SESSION}/movies/1/match".encode())
    for _ in range(200):
        text = json.dumps([dice.random() for _ in range(20)])[:-1].encode()
        yield request(text + b"," + noise(dice, 30), kind=b"application/json")
    for value in ("1e999999", "-" * 50, "9" * 5_000, '"\\ud800"', "NaN", '{"tmdb_id": true}', "\0"):
        put = f"PUT {SESSION}/movies/1/match".encode()
        yield from (request(value.encode(), line=put) for _ in range(20))


def path_tricks(dice: random.Random) -> Iterator[bytes]:
    """Paths that would lead out of a folder, methods that are none, versions of no HTTP."""
    up = (
        "../",
        "..%2f",
        "%2e%2e/",
        "%2e%2e%2f",
        "..\\",
        "..%5c",
        "..%c0%af",
        "....//",
        "%252e%252e/",
    )
    for trick in up:
        for depth in range(1, 9):
            for root in ("/", "/assets/", "/docs/", "/session/", "/api/session/"):
                yield request(line=f"GET {root}{trick * depth}etc/passwd".encode())
    for _ in range(200):
        name = noise(dice, 12).hex()
        yield request(line=f"GET //{name}".encode())
        yield request(line=f"GET /assets/{name}%00.js".encode())
        yield request(line=f"GET /api/session/{name}/movies/{name}".encode())
        yield request(line=f"{name.upper()} /api/upload".encode())
    for target in ("*", "x", "http://", "http://[::1", "//[", "/%", "/%zz", "?", "#", ""):
        yield from (request(line=f"TRACE {target}".encode()) for _ in range(10))


def zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def bombs(dice: random.Random) -> Iterator[bytes]:
    """Archives that are a thousand times as large as they look, in each other, and damaged."""
    bomb = zipped("films.csv", b"Title\n" + b"x" * (8 * MEGABYTE))
    nested = zipped("inner.zip", bomb)
    for archive in (bomb, nested):
        yield from (request(archive, kind=b"application/zip") for _ in range(10))
    packed = gzip.compress(LIST * 10_000)
    for coding in (b"gzip", b"deflate", b"br", b"zstd", b"x"):
        yield from (request(packed, b"Content-Encoding: " + coding) for _ in range(10))
    whole = zipped("films.csv", LIST * 100)
    for _ in range(200):
        broken = bytearray(whole)
        for _ in range(20):
            broken[dice.randrange(len(broken))] ^= dice.randrange(1, 256)
        yield request(bytes(broken[: dice.randrange(30, 100)]), kind=b"application/zip")


FAMILIES: dict[str, Family] = {
    family.__name__: family
    for family in (
        *(broken_forms, lying_lengths, chunked_garbage, huge_heads),
        *(odd_signs, deep_json, path_tricks, bombs),
    )
}


WHOLE = {"deep_json", "bombs"}
"""Families whose bodies are all there: each is answered, once a parser has come to it."""


class Api:
    """An API as a process of its own."""

    def __init__(self, program: Program, http: aiohttp.ClientSession, temporary: Path) -> None:
        self.program = program
        self._http = http
        self._temporary = temporary

    async def good_request(self) -> None:
        async with self._http.post(
            f"{self.program.url}/api/upload", data=LIST, headers={"Content-Type": "text/csv"}
        ) as answer:
            assert answer.status == 201, await answer.text()

    async def send(self, sent: bytes, *, leave_after: float = LEAVE_SECONDS) -> bytes:
        """Send bytes, and nothing after them; whatever comes until the connection is closed.

        A server that waits for more is left after so many seconds.
        """
        host, _, port = self.program.url.removeprefix("http://").partition(":")
        answer = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(sent)
                async with asyncio.timeout(leave_after):
                    while piece := await reader.read(65_536):
                        answer += piece
            except (ConnectionError, TimeoutError):
                pass  # it was closed over what had been sent, or waits for more
            finally:
                writer.close()
        return answer

    @property
    def memory(self) -> int:
        return int(psutil.Process(self.program.pid).memory_info().rss)

    def left_on_disk(self) -> list[Path]:
        return list(self._temporary.iterdir())


@pytest.fixture(scope="module")
async def api(
    postgres: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Api]:
    folder = tmp_path_factory.mktemp("hostile")
    (temporary := folder / "temporary").mkdir()
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = LIFTED | {
        "DATABASE_URL": await create_database(postgres, template=template),
        "API_PORT": str(port),
        "TMPDIR": str(temporary),
        "UPLOAD_MAX_BYTES": str(2 * MEGABYTE),
        "UPLOAD_SECONDS": str(BODY_SECONDS),
    }
    program = Program("api_service", env=env, ready=f"{url}/readyz", log=folder / "api.log")
    async with program, aiohttp.ClientSession() as http:
        yield Api(program, http, temporary)


def refusal(sent: bytes, answer: bytes) -> None:
    """Check that an answer is a refusal: a 4xx, of ours a problem, or none at all."""
    if not answer:
        return
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1])
    assert 400 <= status < 500, (sent[:300], answer[:500])
    if b"application/problem+json" in head:
        assert json.loads(body)["status"] == status, (sent[:300], answer[:500])
    else:
        assert status == 400, "what is no HTTP is refused before anything of ours"


@pytest.mark.parametrize("name", FAMILIES)
async def test_every_hostile_request_is_refused_and_the_next_good_one_taken(
    api: Api, name: str
) -> None:
    await api.good_request()
    before = api.memory
    pending = iter(FAMILIES[name](random.Random(name)))  # noqa: S311  # the same each time

    unanswered: list[bytes] = []

    async def stranger() -> None:
        for sent in pending:
            answer = await api.send(sent, leave_after=10.0 if name in WHOLE else LEAVE_SECONDS)
            refusal(sent, answer)
            if not answer:
                unanswered.append(sent)

    await asyncio.gather(*(stranger() for _ in range(AT_ONCE)))
    assert len(unanswered) <= MOST_UNANSWERED.get(name, 0), unanswered[:3]
    await api.good_request()
    assert api.memory < before + GROWTH
    assert api.left_on_disk() == []
    log = await asyncio.to_thread(api.program.log.read_text, "utf-8")
    assert "request_crashed" not in log
    assert "Traceback" not in log


async def test_bodies_that_never_end_are_given_up(api: Api) -> None:
    started = [request(LIST, length=b"1000"), request(b"5\r\nTitle", b"Transfer-Encoding: chunked")]
    started.append(form(b"--b\r\n" + FILE).replace(b"Content-Length: ", b"Content-Length: 9"))
    answers = await asyncio.gather(
        *(api.send(sent, leave_after=BODY_SECONDS + 4.0) for sent in started * 4)
    )
    for sent, answer in zip(started * 4, answers, strict=True):
        refusal(sent, answer)
        assert not answer or b" 408 " in answer.partition(b"\r\n")[0] or b" 400 " in answer
    await api.good_request()


def test_there_are_enough_of_them() -> None:
    counts = {
        name: sum(1 for _ in family(random.Random(name)))  # noqa: S311  # the same each time
        for name, family in FAMILIES.items()
    }
    assert sum(counts.values()) >= LEAST, counts
