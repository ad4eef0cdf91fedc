"""The limit on open files, and throttled logging when it is reached."""

from __future__ import annotations

import asyncio
import errno
import resource
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import structlog

from shared.http.unreadable_requests import LONGEST_ADDRESS, LONGEST_HEADER
from shared.logging.throttle import LogThrottle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

log = structlog.get_logger(__name__)


def raise_open_files() -> int:
    """Raise the limit on open files and connections to the maximum; return it."""
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
"""aiohttp's limits on a request's head, which is in memory before any middleware runs."""


class AcceptErrors:
    """Throttled logging of connections that cannot be accepted; passes on all other errors.

    asyncio hands a traceback to its handler for each connection that waits, again each second, and,
    where the server has been closed meanwhile, for each of these tries to go on.

    Args:
        clock: for a test to turn.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._seldom = LogThrottle(clock)

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
def throttled_accept_errors() -> Iterator[None]:
    """Throttle the running loop's accept errors within the context."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(AcceptErrors())
    try:
        yield
    finally:
        loop.set_exception_handler(before)
