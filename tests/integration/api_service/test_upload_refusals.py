"""Uploads that are refused: with the status, code and reason that help, and nothing stored."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from typing import TYPE_CHECKING

import pytest
from aiohttp import FormData

from api_service.uploads.parser_pool import PoolLimits
from shared.settings import Settings
from tests.support.api_driving import CSV, LastingParsers, serve
from tests.support.parsers import Pipe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.api_driving import Service

GOOD = ("good.csv", "Title\nHeat\n")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


# -- nothing at all --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["text/csv", "application/zip", "application/octet-stream", ""])
async def test_a_request_without_a_body(refusing: Service, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    response = await refusing.client.post("/api/upload", headers=headers)
    await refusing.problem(response, 400, "empty_upload")


@pytest.mark.parametrize(
    "form",
    [
        pytest.param([("file", "", "")], id="a file input in which nothing was chosen"),
        pytest.param([("file", "", "empty.csv")], id="an empty file"),
        pytest.param([("a", "", "a.csv"), ("b", "", "b.csv")], id="empty files"),
        pytest.param([("text", "", None)], id="a blank field"),
    ],
)
async def test_a_form_without_a_byte_in_it(
    refusing: Service, form: list[tuple[str, str, str | None]]
) -> None:
    data = FormData(default_to_multipart=True)
    for field, content, name in form:
        data.add_field(field, content, filename=name)
    response = await refusing.client.post("/api/upload", data=data)
    await refusing.problem(response, 400, "empty_upload")


async def test_a_form_without_parts(refusing: Service) -> None:
    response = await refusing.client.post(
        "/api/upload",
        data=b"--b--\r\n",
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    await refusing.problem(response, 400, "empty_upload")


# -- files that are no list ------------------------------------------------------------------------

UNREADABLE = [
    pytest.param("empty.csv", b"", "empty_file", None, id="empty"),
    pytest.param("blank.csv", b"\n \n\r\n", "empty_file", None, id="only blank lines"),
    pytest.param("holiday.png", PNG, "not_text", None, id="a picture"),
    pytest.param("nul.csv", b"Title\nHeat\0\n", "not_text", 2, id="NUL characters"),
    pytest.param("notes.csv", b"Heat,1\nFargo,2\n", "no_title_column", 1, id="no title column"),
    pytest.param("page.csv", b"<html>\n<p>no</p>\n", "no_title_column", 1, id="a web page"),
    pytest.param("bad.csv", b"Title\nHeat\nAm\xe9lie \x81\n", "bad_encoding", 3, id="no encoding"),
    pytest.param("cut.csv", "Title\nAmé".encode()[:-1], "bad_encoding", 2, id="cut mid-character"),
    pytest.param("header.csv", b"Title,Year\n", "no_usable_rows", None, id="only a header"),
    pytest.param("rows.csv", b"Title,Year\n,1999\n ,2000\n", "no_usable_rows", 2, id="no titles"),
    pytest.param("quote.csv", b'Title\n"Heat\nFargo\n', "unterminated_quote", 2, id="open quote"),
    pytest.param("long.csv", b"Title\n" + b"x" * 1_100_000, "field_too_long", 2, id="long field"),
    pytest.param("cut.zip", zipped(a=b"Title\nHeat\n")[:-9], "broken_zip", None, id="cut zip"),
    pytest.param("nothing.zip", zipped(), "empty_file", None, id="empty zip"),
    pytest.param(
        "book.xlsx", zipped(**{"[Content_Types].xml": b"<x/>"}), "spreadsheet", None, id="workbook"
    ),
    pytest.param("old.xls", b"\xd0\xcf\x11\xe0" + bytes(99), "not_text", None, id="old workbook"),
    pytest.param("cut.xml", b"<recentratings>\n<film>", "broken_xml", 2, id="cut XML"),
    pytest.param("dtd.xml", b"<!DOCTYPE rss [<!ENTITY a 'b'>]><rss/>", "broken_xml", 1, id="DTD"),
    pytest.param("other.xml", b"<opml/>", "no_title_column", 1, id="XML of another kind"),
]


@pytest.mark.parametrize(("name", "content", "reason", "line"), UNREADABLE)
async def test_a_file_that_is_no_list_refuses_the_whole_upload(
    refusing: Service, name: str, content: bytes, reason: str, line: int | None
) -> None:
    response = await refusing.upload_files(GOOD, (name, content))
    problem = await refusing.problem(response, 422, "unreadable_list")
    assert (problem["file"], problem["reason"], problem["line"]) == (name, reason, line)
    assert problem["detail"].startswith(name)


@pytest.mark.parametrize(("name", "content", "reason", "line"), UNREADABLE[1:])
async def test_a_body_that_is_no_list(
    refusing: Service, name: str, content: bytes, reason: str, line: int | None
) -> None:
    response = await refusing.upload(
        content, {"Content-Disposition": f'attachment; filename="{name}"'}
    )
    problem = await refusing.problem(response, 422, "unreadable_list")
    assert (problem["file"], problem["reason"], problem["line"]) == (name, reason, line)


async def test_a_bad_member_of_a_zip_is_named(refusing: Service) -> None:
    packed = zipped(**{"lists/a.csv": b"Title\nHeat\n", "lists/b.csv": b"\xff\xff\xff"})
    response = await refusing.upload_files(("export.zip", packed))
    problem = await refusing.problem(response, 422, "unreadable_list")
    assert (problem["file"], problem["reason"]) == ("lists/b.csv", "bad_encoding")


async def test_an_export_without_films_is_refused(refusing: Service) -> None:
    response = await refusing.upload_files(("profile.csv", "Date Joined,Username\n2020-01-01,x\n"))
    problem = await refusing.problem(response, 422, "unreadable_list")
    assert problem["reason"] == "no_usable_rows"


@pytest.mark.parametrize("name", ["turned\u202eround\u0085.csv", "a" * 3_000 + ".csv"])
async def test_a_file_name_is_shown_printable_and_short(refusing: Service, name: str) -> None:
    response = await refusing.upload_files((name, b"<p>nothing</p>"))
    problem = await refusing.problem(response, 422, "unreadable_list")
    assert problem["file"].isprintable()
    assert len(problem["file"]) <= 255


# -- too much --------------------------------------------------------------------------------------


async def pieces(content: bytes, size: int = 300) -> AsyncIterator[bytes]:
    """Sent in pieces, a body has no Content-Length."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


TOO_MUCH = b"Title\n" + b"Heat\n" * 399
FORM = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f.csv"\r\n\r\n%b\r\n'


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("size", [2_001, 3_000, 50_000])
async def test_a_body_over_the_limit(small: Service, size: int, *, chunked: bool) -> None:
    content = TOO_MUCH.ljust(size, b"\n")
    response = await small.client.post(
        "/api/upload",
        data=pieces(content) if chunked else content,
        headers={"Content-Type": "text/csv"},
    )
    problem = await small.problem(response, 413, "upload_too_large")
    assert problem["max_bytes"] == 2_000


@pytest.mark.parametrize("chunked", [False, True], ids=["content-length", "chunked"])
@pytest.mark.parametrize("parts", [[2_001], [1_500, 501], [100] * 30])
async def test_files_that_are_over_the_limit_together(
    small: Service, parts: list[int], *, chunked: bool
) -> None:
    content = b"".join(FORM % b"Title\nHeat".ljust(size, b"\n") for size in parts) + b"--b--\r\n"
    response = await small.client.post(
        "/api/upload",
        data=pieces(content) if chunked else content,
        headers={"Content-Type": "multipart/form-data; boundary=b"},
    )
    await small.problem(response, 413, "upload_too_large")


async def test_a_compressed_body(small: Service) -> None:
    response = await small.client.post(
        "/api/upload", data=TOO_MUCH * 9, headers={"Content-Type": "text/csv"}, compress="gzip"
    )
    await small.problem(response, 415, "unsupported_media_type")


async def test_a_zip_that_unpacks_to_more_than_the_limit(small: Service) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", TOO_MUCH * 9)
    response = await small.upload_files(("bomb.zip", packed.getvalue()))
    problem = await small.problem(response, 422, "unreadable_list")
    assert (problem["file"], problem["reason"]) == ("a.csv", "too_many_bytes")


async def test_more_films_than_the_limit(small: Service) -> None:
    rows = "\n".join(f"Film {number}" for number in range(51))
    response = await small.upload(f"Title\n{rows}\n")
    problem = await small.problem(response, 422, "unreadable_list")
    assert (problem["reason"], problem["line"]) == ("too_many_movies", 52)


async def test_more_parts_than_a_form_may_have(refusing: Service) -> None:
    response = await refusing.upload_files(*[GOOD] * 1001)
    await refusing.problem(response, 400, "bad_request")


# -- what is sent wrongly --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=b",
        "image/png",
        "text/html",
    ],
)
async def test_a_kind_of_body_that_is_neither_form_nor_list(refusing: Service, kind: str) -> None:
    response = await refusing.upload("Title\nHeat\n", {"Content-Type": kind})
    problem = await refusing.problem(response, 415, "unsupported_media_type")
    assert kind.partition(";")[0] in problem["detail"]
    assert "multipart/form-data" in problem["detail"]


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\tbed", "ключ"])
async def test_an_idempotency_key_that_is_none(refusing: Service, key: str) -> None:
    response = await refusing.upload("Title\nHeat\n", {"Idempotency-Key": key})
    problem = await refusing.problem(response, 400, "bad_request")
    assert "Idempotency-Key" in problem["detail"]


def test_the_default_limits_are_those_of_the_documents() -> None:
    settings = Settings(_env_file=None, database_url="postgresql://x/y")
    assert (settings.upload_max_bytes, settings.upload_max_movies) == (52_428_800, 200_000)


# -- what takes too much ---------------------------------------------------------------------------


async def test_a_bomb_of_json_is_refused_and_the_next_list_is_read(service: Service) -> None:
    bomb = b'[{"title":"Heat","year":1995,"a":[' + b"1," * 12_000_000 + b"1]}]"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("films.json", bomb)
    response = await service.upload(packed.getvalue(), {"Content-Type": "application/zip"})
    problem = await service.problem(response, 413, "upload_too_costly")
    assert (problem["file"], problem["limit"]) == ("films.json", "item_size")
    assert await service.stored() == {}
    assert await service.session("Heat,1995")


async def test_uploads_beyond_those_that_may_wait_are_asked_to_come_again(
    settings: Settings, tmp_path: Path
) -> None:
    parsers = LastingParsers(0, PoolLimits(most_small=0))
    await parsers.open()
    try:
        pipe = Pipe(tmp_path)
        reading = asyncio.create_task(
            parsers.read(pipe.files, max_movies=1_000, max_bytes=1_000, folder=tmp_path)
        )
        descriptor = await pipe.until_read()
        async with serve(settings, parsers) as client:
            response = await client.post("/api/upload", data=b"Title\nHeat\n", headers=CSV)
            problem = await response.json()
            assert (response.status, problem["code"]) == (503, "parsers_busy")
            assert int(response.headers["Retry-After"]) > 0
        pipe.become("Title\nRan\n")
        os.close(descriptor)
        assert (await reading).total_movies == 1
    finally:
        await parsers.close()
