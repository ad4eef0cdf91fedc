"""What the process may open, and how often it says that it may open no more."""

from __future__ import annotations

import asyncio
import errno
import resource
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog

from shared.http.unreadable_requests import LONGEST_ADDRESS, LONGEST_HEADER
from shared.logging.throttle import Seldom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


HEAD_LIMITS: Final[dict[str, Any]] = {
    "max_headers": 64,
    "max_field_size": LONGEST_HEADER,
    "max_line_size": LONGEST_ADDRESS,
}
"""What the head of a request may have, for aiohttp: it is in memory before anybody is asked."""


class AcceptErrors:
    """Logs once in a while that connections cannot be accepted, and all else as the loop does.

    asyncio hands a traceback to its handler for each connection that waits, again each second, and,
    where the server has been closed meanwhile, for each of these tries to go on.

    Args:
        clock: for a test to turn.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._seldom = Seldom(clock)

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Handle what the loop has to say; see `loop.set_exception_handler`."""
        error = context.get("exception")
        if isinstance(error, ValueError) and "_start_serving" in context.get("message", ""):
            return
        if not isinstance(error, OSError) or error.errno not in _EXHAUSTED:
            loop.default_exception_handler(context)
        elif (suppressed := self._seldom.due("accept")) is not None:
            log.error("accept_failed", error=str(error), suppressed=suppressed)


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
