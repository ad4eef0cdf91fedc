"""No upload takes more than its share: of memory, of time, of the processes that read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
import zipfile
from typing import TYPE_CHECKING

import pytest

from api_service.lists.model import (
    CostLimit,
    ListRefused,
    ListTooCostly,
    SessionFilms,
    UploadedFile,
)
from api_service.uploads.parser_child import MEBIBYTE, Allowance, ReadCall
from api_service.uploads.parser_pool import SMALL_BYTES, ParserPool, PoolLimits
from api_service.uploads.parser_process import ParserProcess
from shared.errors import ParsersBusyError
from tests.support.parsers import Pipe, alone, read, upload, workers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROOM = 20 * SMALL_BYTES


def large(folder: Path, *others: UploadedFile) -> list[UploadedFile]:
    """An upload that is no small one; what else is in it is read first."""
    path = folder / "large.csv"
    path.write_text("Title,Review\n" + f"Heat,{'x' * 1_000}\n" * (SMALL_BYTES // 1_000))
    return [*others, UploadedFile("large.csv", path)]


def own(folder: Path, name: str) -> Path:
    folder = folder / name
    folder.mkdir()
    return folder


@contextlib.contextmanager
def endless(path: Path) -> Iterator[SessionFilms]:
    """A session whose films go on for as long as somebody reads them; mostly white space."""
    os.mkfifo(path)
    is_over = threading.Event()
    film = [1, "title:heat|", None, None, "Heat", None, True, None]
    film += [[], 0, False, [], None, False, [], None, None]
    line = f"{' ' * 60_000}{json.dumps(film)}\n".encode()

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), path.open("wb", buffering=0) as file:
            while not is_over.is_set():
                file.write(line)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield SessionFilms(path, "s0", 1)
    finally:
        is_over.set()
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))  # it may wait for somebody to read
        writer.join()
        path.unlink()


# -- one read --------------------------------------------------------------------------------------


async def test_processor_time_is_limited_anew_for_each_read(tmp_path: Path) -> None:
    async with alone(
        memory=8_192 * MEBIBYTE, processor_seconds=1, seconds_per_mebibyte=0, patience=1_000
    ) as pool:
        files = upload(tmp_path, "Title\nHeat\n")
        for _ in range(2):
            with endless(tmp_path / "session") as session, pytest.raises(ListTooCostly) as caught:
                await pool.read(
                    files, max_movies=10**9, max_bytes=ROOM, folder=tmp_path, session=session
                )
            assert caught.value.limit is CostLimit.PROCESSOR_TIME
            assert (await read(pool, files, tmp_path)).total_movies == 1


async def test_time_by_the_clock_is_limited(tmp_path: Path) -> None:
    async with alone(processor_seconds=0.1, seconds_per_mebibyte=0, patience=1) as pool:
        with pytest.raises(ListTooCostly) as caught:
            await read(pool, Pipe(tmp_path).files, tmp_path)
        assert caught.value.limit is CostLimit.TIME
        assert workers() == []


async def test_memory_is_limited_and_the_next_read_has_as_much_again(tmp_path: Path) -> None:
    folder = own(tmp_path, "hungry")
    rows = "".join(f"Film {number}\n" for number in range(80_000))
    async with alone(memory=20_000_000) as pool:
        with pytest.raises(ListTooCostly) as caught:
            await pool.read(
                upload(folder, f"Title\n{rows}"), max_movies=10**6, max_bytes=ROOM, folder=folder
            )
        assert caught.value.limit is CostLimit.MEMORY
        assert "20 MB" in caught.value.detail
        for _ in range(2):
            assert (await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)).total_movies == 1


async def test_what_is_written_is_limited(tmp_path: Path) -> None:
    files = tuple(upload(tmp_path, "Title\n" + "Heat\n" * 10))
    parser = ParserProcess()
    try:
        allowance = Allowance(300 * MEBIBYTE, 60, 0, output=10)
        with pytest.raises(ListTooCostly) as caught:
            await parser.read(ReadCall(files, 1_000, ROOM, tmp_path, None, allowance), 600)
        assert caught.value.limit is CostLimit.OUTPUT_SIZE
    finally:
        await parser.close()


async def test_defect_is_told_with_where_it_happened(tmp_path: Path) -> None:
    async with alone() as pool:
        with pytest.raises(FileNotFoundError) as caught:
            await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path / "nowhere")
    assert "read_lists" in caught.value.__notes__[0]


# -- many reads ------------------------------------------------------------------------------------


async def test_small_uploads_do_not_wait_behind_large_ones(tmp_path: Path) -> None:
    async with ParserPool() as pool:
        pipe = Pipe(tmp_path)
        folder = own(tmp_path, "large")
        first = asyncio.create_task(read(pool, large(folder, *pipe.files), folder, ROOM))
        descriptor = await pipe.until_read()
        second = asyncio.create_task(read(pool, large(tmp_path), tmp_path, ROOM))
        await asyncio.sleep(0)
        assert pool.waiting == {"small": 0, "large": 1}
        small = own(tmp_path, "small")
        assert (await read(pool, upload(small, "Title\nHeat\n"), small, ROOM)).total_movies == 1
        assert pool.waiting == {"small": 0, "large": 1}
        pipe.become("Title\nRan\n")
        os.close(descriptor)
        assert (await first).total_movies == 2
        assert (await second).total_movies == 1


async def test_zip_is_as_large_as_what_is_in_it(tmp_path: Path) -> None:
    folder = own(tmp_path, "zip")
    (content,) = large(tmp_path)
    path = folder / "packed"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(content.path, "list.csv")
    assert path.stat().st_size < SMALL_BYTES // 100
    async with ParserPool() as pool:
        pipe = Pipe(tmp_path)
        other = own(tmp_path, "other")
        first = asyncio.create_task(read(pool, large(other, *pipe.files), other, ROOM))
        descriptor = await pipe.until_read()
        packed = asyncio.create_task(read(pool, [UploadedFile("x.zip", path)], folder, ROOM))
        async with asyncio.timeout(60):
            while not pool.waiting["large"]:  # noqa: ASYNC110  # it has to be unpacked first
                await asyncio.sleep(0.01)
        pipe.become("Title\nRan\n")
        os.close(descriptor)
        assert (await first).total_movies == 2
        assert (await packed).total_movies == 1
        with pytest.raises(ListRefused, match=f"larger than {SMALL_BYTES + 1:,} bytes"):
            await read(pool, [UploadedFile("x.zip", path)], folder, SMALL_BYTES + 1)


@pytest.mark.parametrize("size", ["small", "large"])
async def test_line_is_bounded(tmp_path: Path, size: str) -> None:
    limits = PoolLimits(most_small=1, most_large=1)
    async with ParserPool(0, limits) as pool:
        pipe = Pipe(tmp_path)
        reading = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        files = large(tmp_path) if size == "large" else upload(tmp_path, "Title\nHeat\n")
        waiting = asyncio.create_task(read(pool, files, tmp_path, ROOM))
        await asyncio.sleep(0)
        with pytest.raises(ParsersBusyError) as caught:
            await read(pool, files, tmp_path, ROOM)
        assert caught.value.retry_after == 15
        pipe.become("Title\nRan\n")
        os.close(descriptor)
        assert (await reading).total_movies == (await waiting).total_movies == 1


async def test_nobody_waits_for_longer_than_is_allowed(tmp_path: Path) -> None:
    async with alone(wait_seconds=0) as pool:
        pipe = Pipe(tmp_path)
        reading = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        with pytest.raises(ParsersBusyError):
            await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)
        assert pool.waiting == {"small": 0, "large": 0}
        pipe.become("Title\nRan\n")
        os.close(descriptor)
        assert (await reading).total_movies == 1


async def test_waiters_that_go_away_cost_no_process(tmp_path: Path) -> None:
    async with alone() as pool:
        pipe = Pipe(tmp_path)
        leaving: list[asyncio.Task[object]] = []

        async def first() -> None:
            try:
                await read(pool, pipe.files, tmp_path)
            finally:
                # The second in line has just been given the process, and has not heard of it yet.
                leaving[1].cancel()

        reading = asyncio.create_task(first())
        descriptor = await pipe.until_read()
        files = upload(tmp_path, "Title\nHeat\n")
        leaving += [asyncio.create_task(read(pool, files, tmp_path)) for _ in range(2)]
        await asyncio.sleep(0)
        assert pool.waiting["small"] == 2
        leaving[0].cancel()
        await asyncio.wait([leaving[0]])
        assert pool.waiting["small"] == 1
        pipe.become("Title\nRan\n")
        os.close(descriptor)
        await reading
        await asyncio.wait(leaving)
        assert all(task.cancelled() for task in leaving)
        assert (await read(pool, files, tmp_path)).total_movies == 1


async def test_waiters_are_told_when_the_pool_closes(tmp_path: Path) -> None:
    async with alone() as pool:
        pipe = Pipe(tmp_path)
        reading = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        waiting = asyncio.create_task(read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path))
        await asyncio.sleep(0)
    os.close(descriptor)
    ended = await asyncio.gather(reading, waiting, return_exceptions=True)
    assert [getattr(error, "code", None) for error in ended] == ["parser_crashed"] * 2
