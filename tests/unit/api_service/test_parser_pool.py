"""Uploads are read in processes that can die, be abandoned or lose their parent without harm."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from structlog.testing import capture_logs

from api_service.lists.model import (
    CostLimit,
    ListRefused,
    ListTooCostly,
    Refusal,
)
from api_service.lists.reading import MOVIES_FILE
from api_service.uploads import parser_pool, parser_process
from api_service.uploads.parser_pool import ParserCrashed, ParserPool
from api_service.uploads.parser_process import READS_PER_PROCESS
from tests.support.driving import until
from tests.support.parsers import Pipe, alone, read, upload, workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def end(process: psutil.Process) -> None:
    process.kill()
    process.wait(20)


async def test_uploads_are_read_and_refused_in_the_worker(tmp_path: Path) -> None:
    async with alone() as pool:
        result = await read(pool, upload(tmp_path, "Title\nHeat\nRan\n"), tmp_path)
        assert result.total_movies == 2
        assert (tmp_path / MOVIES_FILE).read_text().startswith('1,"title:heat|"')
        with pytest.raises(ListRefused) as caught:
            await read(pool, upload(tmp_path, ""), tmp_path)
    assert (caught.value.reason, caught.value.file) == (Refusal.EMPTY_FILE, "list.csv")


async def test_reads_run_side_by_side(tmp_path: Path) -> None:
    async with ParserPool() as pool:
        pipe = Pipe(tmp_path)
        waiting = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        other = tmp_path / "other"
        other.mkdir()
        assert (await read(pool, upload(other, "Title\nHeat\n"), other)).total_movies == 1
        pipe.become("Title\nHeat\nRan\n")
        os.close(descriptor)
        assert (await waiting).total_movies == 2


async def test_small_upload_leaves_large_ones_their_process(tmp_path: Path) -> None:
    async with ParserPool() as pool:
        await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)
        pipe = Pipe(tmp_path)
        small = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        large = upload(tmp_path, "Title\n" + f"Heat{' ' * 500}\n" * 3_000)
        async with asyncio.timeout(60):
            assert (await read(pool, large, tmp_path, 10_000_000)).total_movies == 1
        small.cancel()
        with pytest.raises(asyncio.CancelledError):
            await small
        os.close(descriptor)


async def test_worker_steps_back_and_leaves_ending_to_its_parent(tmp_path: Path) -> None:
    async with alone() as pool:
        (worker,) = workers()
        assert worker.nice() == min(psutil.Process().nice() + 5, 19)
        worker.send_signal(signal.SIGINT)
        worker.send_signal(signal.SIGTERM)
        assert (await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)).total_movies == 1
        assert workers() == [worker]


async def test_upload_that_ends_its_process_is_not_tried_again(tmp_path: Path) -> None:
    async with alone() as pool:
        pipe = Pipe(tmp_path)
        reading = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        pipe.become("Title\nHeat\n")
        end(*workers())
        with pytest.raises(ListTooCostly) as caught:
            await reading
        os.close(descriptor)
        assert caught.value.limit is CostLimit.UNKNOWN
        assert workers() == []
        assert (await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)).total_movies == 1


async def test_worker_that_died_while_idle_costs_nothing(tmp_path: Path) -> None:
    with capture_logs() as log:
        async with alone() as pool:
            end(*workers())
            assert (await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)).total_movies == 1
    gc.collect()  # whatever cannot be finalised fails the test
    assert [(event["event"], event["attempt"]) for event in log] == [("parser_crashed", 1)]


async def test_abandoned_read_is_ended_before_its_folder_can_be_removed(tmp_path: Path) -> None:
    async with alone() as pool:
        pipe = Pipe(tmp_path)
        reading = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        (worker,) = workers()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert not worker.is_running()
        os.close(descriptor)
        assert (await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)).total_movies == 1


async def test_process_that_is_ending_is_awaited_when_its_read_is_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending, go_on = asyncio.Event(), asyncio.Event()
    readable = parser_process._readable  # noqa: SLF001  # held up here

    async def held(descriptor: int) -> None:
        if descriptor == process.sentinel:
            ending.set()
            await go_on.wait()
        await readable(descriptor)

    async with alone() as pool:
        pipe = Pipe(tmp_path)
        reading = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        (worker,) = workers()
        (process,) = (
            child for child in multiprocessing.active_children() if child.pid == worker.pid
        )
        monkeypatch.setattr(parser_process, "_readable", held)
        worker.kill()
        await ending.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert worker.is_running()
        go_on.set()
        await until(lambda: not worker.is_running())
        os.close(descriptor)


async def test_worker_is_replaced_after_some_reads(tmp_path: Path) -> None:
    async with alone() as pool:
        before = workers()
        for _ in range(READS_PER_PROCESS):
            await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)
        assert workers() == before
        await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)
        after = workers()
    assert len(after) == 1
    assert after != before


async def test_closing_ends_workers_and_what_they_read(tmp_path: Path) -> None:
    async with ParserPool() as pool:
        pipe = Pipe(tmp_path)
        reading = asyncio.create_task(read(pool, pipe.files, tmp_path))
        descriptor = await pipe.until_read()
        before = workers()
    assert len(before) == 2
    assert not any(worker.is_running() for worker in before)
    with pytest.raises(ParserCrashed):
        await reading
    os.close(descriptor)


@pytest.fixture
def spawn_with() -> Iterator[Callable[[str], None]]:
    """Choose what is started in place of the interpreter for new workers."""
    yield multiprocessing.set_executable
    multiprocessing.set_executable(sys.executable)


async def test_pool_whose_workers_cannot_start_says_so_at_once(
    spawn_with: Callable[[str], None],
) -> None:
    spawn_with("/bin/false")
    with pytest.raises(ParserCrashed):
        async with ParserPool():
            pytest.fail("there are no workers")
    assert workers() == []


async def test_worker_that_cannot_be_replaced_now_is_replaced_later(
    tmp_path: Path, spawn_with: Callable[[str], None]
) -> None:
    async with alone() as pool:
        end(*workers())
        spawn_with("/bin/false")
        with pytest.raises(ParserCrashed):
            await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)
        spawn_with(sys.executable)
        assert (await read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path)).total_movies == 1


async def test_worker_that_was_just_starting_when_the_pool_closed_ends_too(
    tmp_path: Path, spawn_with: Callable[[str], None]
) -> None:
    gate = tmp_path / "gate"
    slow = tmp_path / "slow"
    slow.write_text(
        f'#!/bin/sh\nwhile [ ! -e {gate} ]; do sleep 0.01; done\nexec {sys.executable} "$@"\n'
    )
    slow.chmod(0o755)
    async with alone() as pool:
        end(*workers())
        spawn_with(str(slow))
        reading = asyncio.create_task(read(pool, upload(tmp_path, "Title\nHeat\n"), tmp_path))
        async with asyncio.timeout(60):
            while not workers():  # noqa: ASYNC110  # a process sends no event
                await asyncio.sleep(0.01)
    gate.touch()
    with pytest.raises(ParserCrashed):
        await reading
    assert workers() == []


PARENT = """
import asyncio
from api_service.uploads.parser_pool import ParserPool

async def main():
    async with ParserPool(for_small=0):
        print("ready", flush=True)
        await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(main())
"""


def test_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(parser_pool.__file__).parents[2]
    with subprocess.Popen(  # noqa: S603  # our own interpreter and script
        [sys.executable, script],
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "ready\n"
        (worker,) = workers(psutil.Process(parent.pid))
        parent.kill()
    gone, _ = psutil.wait_procs([worker], timeout=60)
    assert gone == [worker]
