"""What the process may open, and how often it says that it may open no more."""

from __future__ import annotations

import asyncio
import errno
import resource
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPEAT_SECONDS: Final = 60.0
"""Between two lines of the log about connections that could not be accepted."""
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger(__name__)


def raise_open_files() -> int:
    """Raise the number of files and connections that may be open to the most allowed; that one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == hard:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError):  # the system allows no process as many
        return soft
    return hard


class AcceptErrors:
    """Logs once in a while that connections cannot be accepted, and all else as the loop does.

    asyncio hands a traceback to its handler for each connection that waits, again each second.

    Args:
        clock: for a test to turn.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next_at = float("-inf")
        self._suppressed = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle what the loop has to say; see `loop.set_exception_handler`."""
        error = context.get("exception")
        if not isinstance(error, OSError) or error.errno not in _EXHAUSTED:
            loop.default_exception_handler(context)
            return
        now = self._clock()
        if now < self._next_at:
            self._suppressed += 1
            return
        log.error("accept_failed", error=str(error), suppressed=self._suppressed)
        self._next_at, self._suppressed = now + REPEAT_SECONDS, 0


@contextmanager
def seldom_said() -> Iterator[None]:
    """Have the running loop's errors of accepting logged seldom as long as the context lasts."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(AcceptErrors())
    try:
        yield
    finally:
        loop.set_exception_handler(before)
