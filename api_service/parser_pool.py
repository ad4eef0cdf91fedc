"""Worker processes that read uploaded lists, so that the event loop never waits for a parser.

Each worker is a process pool of one. So a crash costs only the read that it happened in, and an
abandoned read can be ended without touching another. (`max_tasks_per_child` of the standard pool
is not used: on Python 3.11 a pool can lose its last worker while reads wait.)
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from http import HTTPStatus
from multiprocessing import connection
from typing import TYPE_CHECKING, Final, Self

import structlog

from api_service.rules.lists.reading import read_lists
from shared.errors import ProjectionistError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from api_service.rules.lists.model import ReadResult, SessionFilms, UploadedFile

READS_PER_WORKER: Final = 20
"""A worker is replaced after so many reads, which gives its memory back to the system."""

_NICENESS: Final = 5
_ATTEMPTS: Final = 2

log = structlog.get_logger(__name__)


class ParserCrashed(ProjectionistError):  # noqa: N818  # it names what happened to the parser
    """A worker died while it read an upload, and so did the next one; nothing is known of why."""

    code = "parser_crashed"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The upload could not be read"


class ParserPool:
    """Reads uploads in worker processes, which live as long as the context.

    The processes are spawned, so the program's main module must be safe to import.
    """

    def __init__(self, processes: int = 1) -> None:
        self._workers = [_Worker() for _ in range(processes)]
        self._idle: asyncio.Queue[_Worker] = asyncio.Queue()
        self._closing = False

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(worker.start() for worker in self._workers))
        except BaseException:
            await self._close()
            raise
        for worker in self._workers:
            self._idle.put_nowait(worker)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        self._closing = True
        await asyncio.gather(*(worker.close() for worker in self._workers))

    async def read(
        self,
        files: Sequence[UploadedFile],
        *,
        max_movies: int,
        max_bytes: int,
        folder: Path,
        session: SessionFilms | None = None,
    ) -> ReadResult:
        """Read an upload in a worker; see `read_lists`.

        When the caller is cancelled, the worker is ended before this returns: then nobody writes
        into `folder` any more.

        Raises:
            ListRefused: a file is no list, or a limit is passed.
            ParserCrashed: the worker died twice, or the pool was closed meanwhile.
        """
        call = partial(
            read_lists,
            tuple(files),
            max_movies=max_movies,
            max_bytes=max_bytes,
            folder=folder,
            session=session,
        )
        worker = await self._idle.get()
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                if self._closing:
                    break
                try:
                    return await worker.run(call)
                except BrokenProcessPool:
                    if not self._closing:
                        log.warning("parser_crashed", attempt=attempt)
        finally:
            self._idle.put_nowait(worker)
        raise ParserCrashed(
            "The process that reads lists ended while it read this upload; try again, with fewer "
            "or smaller files if it happens again",
            retry_after=5,
        )


class _Worker:
    """One worker process, replaced when it crashed, was ended, or has read enough."""

    def __init__(self) -> None:
        self._executor: ProcessPoolExecutor | None = None
        self._pid = 0
        self._reads = 0
        self._is_reading = False
        self._is_closed = False

    async def start(self) -> None:
        """Start the process and wait until it has imported what it needs.

        Raises:
            BrokenProcessPool: it died at once, or the pool was closed meanwhile.
        """
        executor = ProcessPoolExecutor(
            max_workers=1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_set_up_worker,
        )
        try:
            self._pid = await asyncio.get_running_loop().run_in_executor(executor, os.getpid)
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise
        self._executor = executor
        self._reads = 0
        if self._is_closed:
            await self.stop()
            raise BrokenProcessPool("the pool was closed")

    async def run(self, call: Callable[[], ReadResult]) -> ReadResult:
        """Make the call in the process.

        Raises:
            BrokenProcessPool: the process died; the next call has a new one.
        """
        if self._executor is None or self._reads >= READS_PER_WORKER:
            await self.stop()
            await self.start()
        loop = asyncio.get_running_loop()
        self._reads += 1
        self._is_reading = True
        try:
            return await loop.run_in_executor(self._executor, _run, call)
        except (BrokenProcessPool, asyncio.CancelledError):
            await asyncio.shield(self.stop())
            raise
        finally:
            self._is_reading = False

    async def close(self) -> None:
        """End the process for good."""
        self._is_closed = True
        await self.stop()

    async def stop(self) -> None:
        """End the process: at once when it is reading, else as soon as it notices."""
        executor, self._executor = self._executor, None
        if executor is None:
            return
        if self._is_reading:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        await asyncio.to_thread(executor.shutdown, cancel_futures=True)


def _set_up_worker() -> None:
    # Ctrl-C and a service manager signal the whole process group; the parent decides when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Where cores are few, probes are answered before lists are parsed.
    os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        connection.wait([parent.sentinel])
        os._exit(1)


def _run(call: Callable[[], ReadResult]) -> ReadResult:
    # Films refer to each other in no cycles; looking for some takes a quarter of the time.
    gc.disable()
    try:
        return call()
    finally:
        gc.enable()
