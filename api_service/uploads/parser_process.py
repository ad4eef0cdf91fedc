"""A process that reads uploads, as the API sees it: started, asked, ended and replaced.

An upload is given to a process once. Whatever ends the process after that is the upload's doing,
and giving it to another process would only end that one, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import pickle
import signal
from typing import TYPE_CHECKING, Any, Final

import structlog

from api_service.lists.model import CostLimit, ListTooCostly
from api_service.uploads.parser_child import MEGABYTE, OUT_OF_MEMORY, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import SpawnProcess

    from api_service.lists.model import ReadResult
    from api_service.uploads.parser_child import Answer, ReadCall, Wire

READS_PER_PROCESS: Final = 20
"""A process is replaced after so many reads, which gives its memory back to the system."""

_PARTING_SECONDS: Final = 5.0
"""In which an idle process ends by itself."""
_ATTEMPTS: Final = 2
"""To hand an upload to a process, which may have died while it was idle."""

log = structlog.get_logger(__name__)


class ParserLostError(Exception):
    """A process could not be started, or ended before an upload was given to it."""


class ParserProcess:
    """One process, replaced when it died, was ended, has read enough, or keeps too much memory.

    It is used by one read at a time.
    """

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        self._wire: Wire | None = None
        self._reads = 0
        self._is_idle = False
        self._is_closed = False

    async def start(self) -> None:
        """Start the process and wait until it has imported what it needs.

        Raises:
            ParserLostError: it died at once, or was closed meanwhile.
        """
        context = multiprocessing.get_context("spawn")
        wire, of_child = context.Pipe()
        process = context.Process(target=serve, args=(of_child,), name="parser")
        try:
            process.start()
        except OSError as error:  # from Python 3.14 on, when it dies before it is told what to do
            wire.close()
            raise ParserLostError from error
        except BaseException:
            wire.close()
            raise
        finally:
            of_child.close()
        self._process, self._wire, self._reads, self._is_idle = process, wire, 0, False
        try:
            await self._receive()
        except BaseException:
            await self._end()
            raise
        self._is_idle = True
        if self._is_closed:
            await self._end()
            raise ParserLostError

    async def read(self, call: ReadCall, seconds: float) -> ReadResult:
        """Make a call in the process; when it cannot be ended in time, or is cancelled, end that.

        Args:
            call: what to read.
            seconds: that it may take by the clock, waiting for the processor included.

        Raises:
            ListRefused: a file is no list, or a limit is passed.
            ListTooCostly: reading it takes too much, or ended the process.
            ParserLostError: there is no process to read it, or it was closed meanwhile.
        """
        await self._begin(call)
        try:
            async with asyncio.timeout(seconds):
                answer: Answer = await self._receive()
        except TimeoutError:
            await self._end()
            raise ListTooCostly(
                "",
                CostLimit.TIME,
                f"reading it takes longer than {seconds:,.0f} seconds; upload fewer files at "
                "once, or split the list",
            ) from None
        except ParserLostError:
            raise self._too_costly(call, await self._end()) from None
        except BaseException:
            await self._end()
            raise
        self._is_idle = True
        self._reads = READS_PER_PROCESS if answer.is_worn else self._reads + 1
        if isinstance(answer.outcome, BaseException):
            raise answer.outcome
        return answer.outcome

    async def close(self) -> None:
        """End the process for good; who reads in it is told that it was lost."""
        self._is_closed = True
        await self._end()

    async def _begin(self, call: ReadCall) -> None:
        """Hand a call to the process, or to a new one where that has died meanwhile."""
        for attempt in range(1, _ATTEMPTS + 1):
            if self._is_closed:
                break
            try:
                if self._process is None or self._reads >= READS_PER_PROCESS:
                    await self._end()
                    await self.start()
                self._is_idle = False
                await self._send(call)
                await self._receive()
            except ParserLostError:
                await self._end()
                if not self._is_closed:
                    log.warning("parser_crashed", attempt=attempt)
            except BaseException:
                await self._end()
                raise
            else:
                return
        raise ParserLostError

    def _too_costly(self, call: ReadCall, status: int | None) -> Exception:
        """What to say of an upload that ended the process with this status."""
        if self._is_closed:
            return ParserLostError()
        if status == OUT_OF_MEMORY:
            return call.allowance.out_of_memory()
        log.warning("parser_crashed", attempt=1, status=status)
        if status == -signal.SIGXCPU:
            return ListTooCostly(
                "",
                CostLimit.PROCESSOR_TIME,
                "reading it takes too much processor time for its size; upload fewer files at "
                "once, or split the list",
            )
        return ListTooCostly(
            "",
            CostLimit.UNKNOWN,
            "the process that read it was ended by the system, mostly because memory is short "
            f"({call.allowance.memory // MEGABYTE:,} MB are allowed); upload fewer files at once, "
            "or split the list",
        )

    async def _send(self, call: ReadCall) -> None:
        wire = self._open_wire()
        # `wire.send` would do the same with a buffer that cannot be closed once it has failed, of
        # which Python tells on stderr.
        message = pickle.dumps(call)
        try:
            await self._in_thread(lambda: wire.send_bytes(message))
        except OSError:
            raise ParserLostError from None

    async def _receive(self) -> Any:  # noqa: ANN401  # `BEGUN` or an `Answer`
        wire = self._open_wire()
        try:
            await _readable(wire.fileno())
            return await self._in_thread(wire.recv)
        except (EOFError, OSError):
            raise ParserLostError from None

    def _open_wire(self) -> Wire:
        if self._wire is None:
            raise ParserLostError
        return self._wire

    @staticmethod
    async def _in_thread(work: Callable[[], Any]) -> Any:  # noqa: ANN401
        """Send or receive more than a pipe holds, while the event loop goes on."""
        transfer = asyncio.ensure_future(asyncio.to_thread(work))
        # Nobody may be there to hear of its end: it goes on until the process is ended.
        transfer.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(transfer)

    async def _end(self) -> int | None:
        """End the process, at once when it is reading; its exit status, None where it has none.

        It goes on when its caller is cancelled: nobody else knows of the process any more.
        """
        return await asyncio.shield(self._end_now())

    async def _end_now(self) -> int | None:
        process, wire = self._process, self._wire
        # The wire is closed when the last thread lets go of it, and not while one reads from it.
        self._process = self._wire = None
        if process is None:
            return None
        if self._is_idle and wire:
            wire.close()  # it hears of that, and ends by itself
        else:
            process.kill()
        try:
            async with asyncio.timeout(_PARTING_SECONDS):
                await _readable(process.sentinel)
        except TimeoutError:
            process.kill()
            await _readable(process.sentinel)
        process.join()
        status = process.exitcode
        with contextlib.suppress(ValueError):  # somebody else has asked how it ended
            process.close()
        return status


async def _readable(descriptor: int) -> None:
    """Wait until there is something to read from a descriptor, or its other end is closed."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def note() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, note)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
