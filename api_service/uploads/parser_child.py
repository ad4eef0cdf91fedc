"""What runs in a process that reads uploads: one read after the other, each within limits.

The limits are the kernel's, so that they hold whatever a file makes the reader do. Processor time
is counted from the process's start, so the soft limit is set anew for each read; the hard limits
stay as they are.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import math
import multiprocessing
import os
import resource
import signal
import threading
import time
import traceback
from dataclasses import dataclass
from multiprocessing import connection
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from api_service.lists.model import CostLimit, ListTooCostly
from api_service.lists.reading import read_lists

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_service.lists.model import ReadResult, SessionFilms, UploadedFile

    Wire = connection.Connection[Any, Any]

MEBIBYTE: Final = 1 << 20
MEGABYTE: Final = 1_000_000
BEGUN: Final = "begun"
"""Sent once a call has come, so that whatever happens from then on is the upload's doing."""

_NICENESS: Final = 5
OUT_OF_MEMORY: Final = 99
"""The exit status of a process that came to its limit of memory."""
_NEAR: Final = 2 * MEBIBYTE
"""Python asks the kernel for a mebibyte at a time."""
_WATCH_SECONDS: Final = 0.05
_MOST_KEPT: Final = 64 * MEBIBYTE
"""Address space that a process may have kept after a read; beyond that it is to be replaced."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one read may take.

    Attributes:
        memory: bytes of address space beyond those of the idle process.
        processor_seconds: whatever the size of the upload.
        seconds_per_mebibyte: of the upload, unpacked, and of the session that it is added to.
        output: bytes of any one file that it writes.
    """

    memory: int
    processor_seconds: float
    seconds_per_mebibyte: float
    output: int

    def seconds(self, size: int) -> float:
        """Processor seconds for so many bytes."""
        return self.processor_seconds + self.seconds_per_mebibyte * size / MEBIBYTE

    def out_of_memory(self) -> ListTooCostly:
        """The refusal of an upload that takes more memory."""
        return ListTooCostly(
            "",
            CostLimit.MEMORY,
            f"reading it takes more than {self.memory // MEGABYTE:,} MB of memory; upload fewer "
            "files at once, or split the list",
        )


@dataclass(frozen=True, slots=True)
class ReadCall:
    """One call of `read_lists`, and what it may take."""

    files: tuple[UploadedFile, ...]
    max_movies: int
    max_bytes: int
    folder: Path
    session: SessionFilms | None
    allowance: Allowance
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call.

    Attributes:
        outcome: the result, or the error to raise.
        is_worn: whether the process keeps so much memory that it should be replaced.
    """

    outcome: ReadResult | BaseException
    is_worn: bool


def serve(wire: Wire) -> None:
    """Answer calls until the parent ends this process, or is gone itself."""
    _set_up()
    watch = _MemoryWatch()
    idle_memory = _address_space()
    with contextlib.suppress(EOFError, BrokenPipeError):
        wire.send(BEGUN)
        while True:
            call: ReadCall = wire.recv()
            wire.send(BEGUN)
            outcome = _outcome(call, idle_memory, watch)
            wire.send(Answer(outcome, _address_space() - idle_memory > _MOST_KEPT))


class _MemoryWatch:
    """Ends the process once its address space is as good as used up.

    A large object that does not fit is a MemoryError. For small ones Python asks the kernel in
    vain, and then takes what the C library has left of blocks that were freed. That may be tens of
    megabytes, so that reading would crawl on for a minute, with a call of the kernel for each.
    """

    def __init__(self) -> None:
        self._most = 0
        self._is_reading = threading.Event()
        threading.Thread(target=self._watch, name="memory-watch", daemon=True).start()

    @contextlib.contextmanager
    def until(self, most: int) -> Iterator[None]:
        """Watch while the context lasts, with a limit of so many bytes."""
        self._most = most - _NEAR
        self._is_reading.set()
        try:
            yield
        finally:
            self._is_reading.clear()

    def _watch(self) -> None:
        try:
            while self._is_reading.wait():
                if _address_space() > self._most:
                    os._exit(OUT_OF_MEMORY)
                time.sleep(_WATCH_SECONDS)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)


def _set_up() -> None:
    # Ctrl-C and a service manager signal the whole process group; the parent decides when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _limit(resource.RLIMIT_CORE, 0)
    # Where cores are few, probes are answered before lists are parsed.
    os.nice(_NICENESS)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        connection.wait([parent.sentinel])
        os._exit(1)


def _outcome(call: ReadCall, idle_memory: int, watch: _MemoryWatch) -> ReadResult | BaseException:
    most_memory = idle_memory + call.allowance.memory
    try:
        with _limits(call.allowance, most_memory), watch.until(most_memory):
            return _read(call)
    except Exception as error:  # noqa: BLE001  # it is raised again in the parent
        if _is_for_want_of_memory(error):
            return call.allowance.out_of_memory()
        if isinstance(error, OSError) and error.errno == errno.EFBIG:
            return ListTooCostly(
                "",
                CostLimit.OUTPUT_SIZE,
                "its films come to far more than its files; upload fewer lists at once",
            )
        error.add_note(traceback.format_exc())
        return error


def _is_for_want_of_memory(error: BaseException | None) -> bool:
    """Whether there was no memory, if only to clean up after something else."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        # C code that gets no memory may fail to say so, which the interpreter calls a SystemError.
        if isinstance(error, MemoryError | SystemError):
            return True
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            return True
        error = error.__context__
    return False


def _read(call: ReadCall) -> ReadResult:
    used = _processor_seconds()
    known = call.session.path.stat().st_size if call.session else 0

    def allow(size: int) -> None:
        seconds = call.allowance.seconds(size + known)
        _limit(resource.RLIMIT_CPU, math.ceil(used + seconds))

    allow(call.max_bytes)  # unpacking may take that
    # Films refer to each other in no cycles; looking for some takes a quarter of the time.
    gc.disable()
    try:
        return read_lists(
            call.files,
            max_movies=call.max_movies,
            max_bytes=call.max_bytes,
            folder=call.folder,
            session=call.session,
            profiles=call.profiles,
            on_unpacked=allow,
        )
    finally:
        gc.enable()


@contextlib.contextmanager
def _limits(allowance: Allowance, most_memory: int) -> Iterator[None]:
    """Limit memory and files; afterwards nothing is limited, processor time included."""
    _limit(resource.RLIMIT_AS, most_memory)
    _limit(resource.RLIMIT_FSIZE, allowance.output)
    try:
        yield
    finally:
        for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU):
            _limit(kind, resource.RLIM_INFINITY)


def _limit(kind: int, soft: int) -> None:
    """Set a soft limit, as far as the hard one allows."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY and (soft == resource.RLIM_INFINITY or soft > hard):
        soft = hard
    resource.setrlimit(kind, (soft, hard))


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _address_space() -> int:
    """Bytes that RLIMIT_AS counts."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()
