"""Whatever is uploaded: never a 500, and either a whole session or nothing at all."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.support.api_driving import Raw, Service

pytestmark = pytest.mark.filterwarnings(
    # aiohttp warns of what it could not read of a header, and goes on without it.
    "ignore::aiohttp.multipart.BadContentDispositionHeader",
    "ignore::aiohttp.multipart.BadContentDispositionParam",
)

# Derandomised: every run tries the same bodies. What is refused leaves the database as it was, and
# what is taken is cleared away, so that one database serves all examples.
examples = settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

HEADERS = st.sampled_from(
    [
        "Title,Year",
        "Name;Year;Rating",
        "title\ttags\treview",
        "Date,Name,Year,Letterboxd URI",
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date",
        "Position,Name,Year,URL,Description",
        "List\nDate,Name,Tags,URL,Description\n2020-01-01,L,,,\n\nPosition,Name,Year,URL",
        "Title,TMDB ID,IMDb ID,Rating10",
        "sep=;\nTitle;Year",
        "Film",
        "",
    ]
)
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            *("Heat", "1995", "4.5", "10", "2020-02-30", "2020-02-29", "tt0113277", "949", '"'),
            *("https://boxd.it/x", "Yes", "NULL", "\\.", "\\N", "{}", "99999999999", "\x85"),
            *('"a""b"', "\ufeff", "\0"),
        ]
    ),
)
ROWS = st.lists(
    st.tuples(st.sampled_from([",", ";", "\t"]), st.lists(CELLS, max_size=9)).map(
        lambda row: row[0].join(row[1])
    ),
    max_size=8,
)
NAMES = st.binary(max_size=12).map(
    lambda name: name.translate(None, b'\r\n"\\') + b".csv"
) | st.sampled_from([b"watchlist.csv", b"likes/films.csv", b"lists/a.csv", b"ratings.csv", b""])


def encodable(header: str, rows: list[str], end: str, encoding: str) -> bytes:
    """A list in an encoding; what that cannot express is left out."""
    return end.join([header, *rows]).encode(encoding, "ignore")


LISTS = st.builds(
    encodable,
    HEADERS,
    ROWS,
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)

ZIPPED_NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=10
)


async def send(service: Service, kind: bytes, body: bytes) -> None:
    """Upload a body as it is, and check what became of it."""
    answer = await service.raw(
        b"\r\n".join(
            [
                b"POST /api/upload HTTP/1.1",
                b"Host: localhost",
                b"Connection: close",
                b"Content-Type: " + kind,
                b"Content-Length: %d" % len(body),
                b"",
                body,
            ]
        )
    )
    await check(service, answer)


async def check(service: Service, answer: Raw) -> None:
    stored = await service.stored()
    if answer.status == 201:
        assert stored["sessions"] == stored["upload_reports"] == 1
        assert stored["movies"] >= 1
        assert await service.drifted() == []
        await service.clear()
    else:
        assert answer.status in {400, 413, 415, 422}, answer
        assert answer.code != "internal_server_error"
        assert stored == {}


@examples
@given(body=st.binary(max_size=400), kind=st.sampled_from([b"text/csv", b"application/zip"]))
async def test_random_bytes(refusing: Service, body: bytes, kind: bytes) -> None:
    await send(refusing, kind, body)


@examples
@given(body=LISTS)
async def test_what_looks_like_a_list(refusing: Service, body: bytes) -> None:
    await send(refusing, b"text/csv", body)


@examples
@given(
    parts=st.lists(st.tuples(NAMES, LISTS | st.binary(max_size=60)), max_size=4),
    cut=st.integers(0, 40),
    extra=st.lists(
        st.sampled_from(
            [
                *(b"Content-Type: text/csv", b"Content-Type: multipart/mixed; boundary=c"),
                *(b"Content-Length: 3", b"Content-Transfer-Encoding: base64"),
                *(b"broken", b"X: \xff"),
            ]
        ),
        max_size=2,
    ),
)
async def test_forms(
    refusing: Service, parts: list[tuple[bytes, bytes]], cut: int, extra: list[bytes]
) -> None:
    body = b"".join(
        b"\r\n".join(
            [
                b"--b",
                b'Content-Disposition: form-data; name="f"; filename="' + name + b'"',
                *extra,
                b"",
                content,
                b"",
            ]
        )
        for name, content in parts
    )
    whole = body + b"--b--\r\n"
    # Most are left whole, so that what is inside matters too.
    await send(
        refusing, b"multipart/form-data; boundary=b", whole[:-cut] if 0 < cut < 12 else whole
    )


@examples
@given(body=st.binary(max_size=300))
async def test_random_forms(refusing: Service, body: bytes) -> None:
    await send(refusing, b"multipart/form-data; boundary=b", b"--b\r\n" + body)


@examples
@given(
    members=st.lists(st.tuples(ZIPPED_NAMES, LISTS), min_size=1, max_size=3),
    flips=st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=4),
)
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
async def test_damaged_zips(
    refusing: Service, members: list[tuple[str, bytes]], flips: list[tuple[int, int]]
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    damaged = bytearray(packed.getvalue())
    for place, value in flips:
        damaged[place % len(damaged)] = value
    await send(refusing, b"application/zip", bytes(damaged))
