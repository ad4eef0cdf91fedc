"""The time that a request's body has: so many bytes in each while, and an end to all of it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from shared.errors import BodyTooSlowError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

WINDOW_SECONDS: Final = 10.0
"""In each window as many bytes must come as the least rate has in it, or the end of the body."""
SMALL_BODY_SECONDS: Final = 30.0
"""For a body that is one JSON object."""
SMALL_BODY_BYTES: Final = 16 * 1024
"""Of such a body, which is read into memory; what an upload may have, its spool counts."""
ROOM_SECONDS: Final = 30.0
"""And the time of its size at this rate: what the rest of a body has once it keeps much room."""
ROOM_RATE: Final = 256 * 1024


class Deadline(Protocol):
    """What is moved of an `asyncio.Timeout`."""

    def reschedule(self, when: float | None) -> None:
        """Move it to another time of the loop's; None is never."""

    def expired(self) -> bool:
        """Whether it has been reached."""


class BodyPace:
    """Moves a deadline on as bytes come.

    Args:
        timeout: the deadline that is moved.
        least_rate: bytes a second; 0 asks for none.
        seconds: for the whole body.
        clock: the loop's, which a test turns.
    """

    def __init__(
        self,
        timeout: Deadline,
        least_rate: int,
        seconds: float,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._timeout = timeout
        self._now = clock or asyncio.get_running_loop().time
        self._window_bytes = least_rate * WINDOW_SECONDS
        self._end = self._now() + seconds
        self._came = 0
        self._begin_window()

    def note(self, size: int) -> None:
        """So many bytes have come."""
        self._came += size
        if self._came >= self._window_bytes:
            self._begin_window()

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Do not count the time in which the service itself reads nothing."""
        began = self._now()
        self._timeout.reschedule(None)
        try:
            yield
        finally:
            self._end += self._now() - began
            self._begin_window()

    def use_room(self, size: int) -> None:
        """Have what is left of a body come soon: so many bytes have had others wait for room."""
        self._end = min(self._end, self._now() + ROOM_SECONDS + size / ROOM_RATE)
        self._begin_window()

    def _begin_window(self) -> None:
        self._came = 0
        if self._timeout.expired():
            return
        next_end = self._now() + WINDOW_SECONDS if self._window_bytes else self._end
        self._timeout.reschedule(min(next_end, self._end))


@asynccontextmanager
async def body_pace(least_rate: int, seconds: float) -> AsyncIterator[BodyPace]:
    """Read a body within.

    Args:
        least_rate: bytes a second that must come; 0 asks for none.
        seconds: for the whole body.

    Raises:
        BodyTooSlowError: it came too slowly.
    """
    timeout = asyncio.timeout(None)
    try:
        async with timeout:
            yield BodyPace(timeout, least_rate, seconds)
    except TimeoutError:
        if not timeout.expired():
            raise
        raise BodyTooSlowError(
            f"The body must come at {least_rate} bytes a second or faster, and whole within "
            f"{seconds:.0f} seconds; one of more than a megabyte within {ROOM_SECONDS:.0f} seconds "
            f"and one for each {ROOM_RATE // 1024} KB."
            if least_rate
            else f"The body must come whole within {seconds:.0f} seconds."
        ) from None
