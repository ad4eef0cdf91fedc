"""Two processes that read uploaded lists, so that the event loop never waits for a reader.

One of them is for small uploads only, which therefore never wait behind a large one. Whoever would
have to wait for too long, or behind too many, is asked to come again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Self

from api_service.lists.model import ListRefused, Refusal
from api_service.uploads.parser_child import MEBIBYTE, Allowance, ReadCall
from api_service.uploads.parser_process import ParserLostError, ParserProcess
from shared.errors import ParsersBusyError, ProjectionistError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from api_service.lists.model import ReadResult, SessionFilms, UploadedFile

SMALL_BYTES: Final = MEBIBYTE
"""Of files, unpacked, and as much of the session that they are added to: a small upload."""
RETRY_AFTER_SECONDS: Final = 15


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What uploads may take.

    Attributes:
        memory: bytes that reading one may take beyond what an idle process has.
        small_memory: the same of a small one; both are read at the same time.
        processor_seconds: that reading one may take, whatever its size.
        seconds_per_mebibyte: more for each mebibyte, unpacked.
        patience: so many seconds by the clock for each of processor time, as others use it too.
        most_small: small uploads that wait for a process.
        most_large: large ones that wait.
        wait_seconds: how long either waits.
    """

    memory: int = 300_000_000
    small_memory: int = 150_000_000
    processor_seconds: float = 10.0
    seconds_per_mebibyte: float = 2.0
    patience: float = 3.0
    most_small: int = 50
    most_large: int = 8
    wait_seconds: float = 60.0

    def allowance(self, max_bytes: int, known: int) -> Allowance:
        """What reading so many bytes may take, beside a session of `known` bytes."""
        return Allowance(
            memory=(
                min(self.small_memory, self.memory)
                if max(max_bytes, known) <= SMALL_BYTES
                else self.memory
            ),
            processor_seconds=self.processor_seconds,
            seconds_per_mebibyte=self.seconds_per_mebibyte,
            output=4 * (max_bytes + known) + 64 * MEBIBYTE,
        )


class ParserCrashed(ProjectionistError):  # noqa: N818  # it names what happened to the parser
    """There was no process to read an upload; nothing is known of why."""

    code = "parser_crashed"
    status = HTTPStatus.SERVICE_UNAVAILABLE
    title = "The upload could not be read"


class ParserPool:
    """Reads uploads in processes, which live as long as the context.

    The processes are spawned, so the program's main module must be safe to import.

    Args:
        for_small: processes that read small uploads only, beside the one that reads any.
        limits: what uploads may take.
    """

    def __init__(self, for_small: int = 1, limits: PoolLimits | None = None) -> None:
        self._limits = limits or PoolLimits()
        self._for_any = ParserProcess()
        self._parsers = [*(ParserProcess() for _ in range(for_small)), self._for_any]
        self._idle: list[ParserProcess] = []
        self._small: deque[asyncio.Future[ParserProcess]] = deque()
        self._large: deque[asyncio.Future[ParserProcess]] = deque()
        self._is_closing = False

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(*(parser.start() for parser in self._parsers))
        except BaseException as error:
            await self._close()
            if isinstance(error, ParserLostError):
                raise self._crashed() from None
            raise
        self._idle.extend(self._parsers)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        self._is_closing = True
        for waiting in (*self._small, *self._large):
            if not waiting.done():
                waiting.set_exception(self._crashed())
        await asyncio.gather(*(parser.close() for parser in self._parsers))

    @property
    def waiting(self) -> Mapping[str, int]:
        """How many uploads wait for a process, by their size."""
        return {"small": len(self._small), "large": len(self._large)}

    async def read(
        self,
        files: Sequence[UploadedFile],
        *,
        max_movies: int,
        max_bytes: int,
        folder: Path,
        session: SessionFilms | None = None,
        profiles: Sequence[str] = (),
    ) -> ReadResult:
        """Read an upload in a process; see `read_lists`.

        When the caller is cancelled, the process is ended before this returns: then nobody writes
        into `folder` any more.

        Raises:
            ListRefused: a file is no list, or a limit is passed.
            ListTooCostly: reading it takes too much.
            ParsersBusyError: too many others wait, or it waited for too long.
            ParserCrashed: there is no process to read it, or the pool was closed meanwhile.
        """
        known = session.path.stat().st_size if session else 0

        def call(most: int) -> ReadCall:
            allowance = self._limits.allowance(most, known)
            return ReadCall(
                tuple(files), max_movies, most, folder, session, allowance, tuple(profiles)
            )

        size = sum(file.path.stat().st_size for file in files)
        if max(size, known) <= SMALL_BYTES < max_bytes:
            try:
                return await self._read(call(SMALL_BYTES), known, self._small)
            except ListRefused as refusal:
                # What a zip says of its size may be a lie, so it is unpacked as far as is small.
                if refusal.reason is not Refusal.TOO_MANY_BYTES:
                    raise
        is_small = max(size, known, max_bytes) <= SMALL_BYTES
        return await self._read(call(max_bytes), known, self._small if is_small else self._large)

    async def _read(
        self, call: ReadCall, known: int, line: deque[asyncio.Future[ParserProcess]]
    ) -> ReadResult:
        seconds = self._limits.patience * call.allowance.seconds(call.max_bytes + known)
        parser = await self._take(line)
        try:
            return await parser.read(call, seconds)
        except ParserLostError:
            raise self._crashed() from None
        finally:
            self._give_back(parser)

    async def _take(self, line: deque[asyncio.Future[ParserProcess]]) -> ParserProcess:
        """Wait for a process in one of the two lines.

        Raises:
            ParsersBusyError: too many wait in it, or it took too long.
            ParserCrashed: the pool was closed.
        """
        if self._is_closing:
            raise self._crashed()
        # A small upload leaves the one that reads any to a large one, while there is another.
        for parser in sorted(self._idle, key=lambda parser: parser is self._for_any):
            if line is self._small or parser is self._for_any:
                self._idle.remove(parser)
                return parser
        if len(line) >= (
            self._limits.most_small if line is self._small else self._limits.most_large
        ):
            raise self._busy("Too many others are waiting to be read.")
        turn: asyncio.Future[ParserProcess] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            async with asyncio.timeout(self._limits.wait_seconds):
                return await turn
        except BaseException as error:
            if turn in line:
                line.remove(turn)
            elif turn.done() and not turn.cancelled() and not turn.exception():
                # It came in the moment in which its waiter went away; it must not be lost.
                self._give_back(turn.result())
            if isinstance(error, TimeoutError):
                raise self._busy("Those before it take too long to be read.") from None
            raise

    def _give_back(self, parser: ParserProcess) -> None:
        """Hand a process to whoever waits longest, a large upload first where it may read any."""
        for line in (self._large, self._small) if parser is self._for_any else (self._small,):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(parser)
                    return
        self._idle.append(parser)

    @staticmethod
    def _busy(why: str) -> ParsersBusyError:
        return ParsersBusyError(why, retry_after=RETRY_AFTER_SECONDS)

    @staticmethod
    def _crashed() -> ParserCrashed:
        return ParserCrashed("No process could be started to read it; try again", retry_after=5)
