"""Budget of the temporary folder, reserved before an upload's bytes are read.

The folder may lie in memory, and then what lies there counts as memory: whoever filled it would
have the kernel end the service. Small uploads have a part of the room to themselves, so that none
of them waits for a large one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from api_service.errors import ServiceFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_BYTES: Final = 1024**2
"""Reserved for each upload at first; the rest only once this much has really come."""
LARGE_SHARE: Final = 0.75
"""Share of the budget for large uploads."""
SMALL_SHARE: Final = 1 / 32
"""Share of the budget up to which an upload is small."""
WAIT_SECONDS: Final = 20.0
"""How long an upload waits for room before its client is asked to retry."""
RETRY_AFTER_SECONDS: Final = 30

UNZIPPED: Final = 10
"""How many times as large as a zip its lists are assumed to be."""
MOVIE_BYTES: Final = 200
"""Bytes of a movie in the parser's file beside what the list says of it."""
WRITTEN: Final = 8
"""Times as large as a list the parser's file is at most, where it has few movies."""


def bytes_needed(size: int, *, zipped: bool, max_bytes: int, max_movies: int) -> int:
    """Return the room for an upload of so many bytes and what the parser writes of it.

    An estimate: what needs more meets the end of the disk, which is answered as well.
    """
    read = max(size, min(UNZIPPED * size, max_bytes)) if zipped else size
    return size + min(WRITTEN * read, read + MOVIE_BYTES * max_movies)


class DiskBudget:
    """The budget of one process.

    Args:
        total: bytes.
        wait_seconds: how long is waited for room.
    """

    def __init__(self, total: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self.total = total
        self._wait_seconds = wait_seconds
        self._largest_small = int(total * SMALL_SHARE)
        self._large_bytes = int(total * LARGE_SHARE)
        self._large = 0
        self.reserved = 0
        """Bytes that are reserved at this moment."""
        self._waiting: dict[bool, deque[tuple[DiskReservation, int, asyncio.Future[None]]]] = {
            True: deque(),
            False: deque(),
        }
        """Waiting uploads in order of arrival, by whether they are small."""

    @property
    def waiting(self) -> int:
        """How many uploads wait for room."""
        return sum(map(len, self._waiting.values()))

    @contextmanager
    def reserve(self) -> Iterator[DiskReservation]:
        """Provide a reservation of nothing, which is released at the end."""
        reservation = DiskReservation(self)
        try:
            yield reservation
        finally:
            reservation.shrink_to(0)

    async def acquire(self, reservation: DiskReservation, size: int) -> None:
        """Grow a reservation to so many bytes. Raises as `DiskReservation.grow_to`."""
        is_small = size <= self._largest_small
        queue = self._waiting[is_small]
        if not queue and self._fits(reservation, size):
            self._resize(reservation, size)
            return
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (reservation, size, granted)
        queue.append(waiter)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await granted
        except TimeoutError:
            raise ServiceFullError(
                "Other uploads take all the room at the moment; nothing of yours was stored.",
                retry_after=RETRY_AFTER_SECONDS,
                extra={"limit": "upload_room"},
            ) from None
        finally:
            if waiter in queue:
                queue.remove(waiter)
                self._admit_waiting()  # those behind it

    def release(self, reservation: DiskReservation, size: int) -> None:
        """Shrink a reservation to so many bytes."""
        self._resize(reservation, size)
        self._admit_waiting()

    def _admit_waiting(self) -> None:
        for queue in self._waiting.values():
            while queue:
                reservation, size, granted = queue[0]
                if not granted.done():
                    if not self._fits(reservation, size):
                        break
                    self._resize(reservation, size)
                    granted.set_result(None)
                queue.popleft()

    def _fits(self, reservation: DiskReservation, size: int) -> bool:
        if self.reserved - reservation.size + size > self.total:
            return False
        if size <= self._largest_small:
            return True
        others = self._large - (reservation.size if reservation.size > self._largest_small else 0)
        # One that is larger than its share alone comes when no other large one is there.
        return not others or others + size <= self._large_bytes

    def _resize(self, reservation: DiskReservation, size: int) -> None:
        for old, sign in ((reservation.size, -1), (size, 1)):
            self.reserved += sign * old
            if old > self._largest_small:
                self._large += sign * old
        reservation.size = size


class DiskReservation:
    """The reservation of one upload."""

    def __init__(self, budget: DiskBudget) -> None:
        self._budget = budget
        self.size = 0
        """Bytes."""

    async def grow_to(self, size: int) -> None:
        """Wait until there is room for so many bytes in all; one that has as much keeps it.

        Raises:
            ServiceFullError: there was none in time, or never could be.
        """
        if size > self.size:
            await self._budget.acquire(self, min(size, self._budget.total))

    def shrink_to(self, size: int) -> None:
        """Release what is beyond so many bytes."""
        if size < self.size:
            self._budget.release(self, size)
