"""Room for uploads in the temporary folder, which is booked before a byte is read.

The folder may lie in memory, and then what lies there counts as memory: whoever filled it would
have the kernel end the service. Small uploads have a part of the room to themselves, so that none
of them waits for a large one.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shared.errors import ServiceFullError

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_BYTES: Final = 1024**2
"""What each upload is given room for at first: the rest only when so much of it has really come."""
LARGE_SHARE: Final = 0.75
"""Of the room that large uploads may take."""
SMALL_SHARE: Final = 1 / 32
"""Of the room up to which an upload is a small one."""
WAIT_SECONDS: Final = 20.0
"""How long one waits for room before its client is asked to come again."""
RETRY_AFTER_SECONDS: Final = 30

UNZIPPED: Final = 10
"""Times as large as a zip its lists are taken to be, for text packs so well."""
MOVIE_BYTES: Final = 200
"""What a movie takes in the parser's file beside what the list says of it."""
WRITTEN: Final = 8
"""Times as large as a list the parser's file is at most, where it has few movies."""


def bytes_needed(size: int, *, zipped: bool, max_bytes: int, max_movies: int) -> int:
    """Return the room for an upload of so many bytes and what the parser writes of it.

    An estimate: what needs more meets the end of the disk, which is answered as well.
    """
    read = max(size, min(UNZIPPED * size, max_bytes)) if zipped else size
    return size + min(WRITTEN * read, read + MOVIE_BYTES * max_movies)


class Room:
    """The room of one process.

    Args:
        total: bytes.
        wait_seconds: how long is waited for room.
    """

    def __init__(self, total: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self.total = total
        self._wait_seconds = wait_seconds
        self._largest_small = int(total * SMALL_SHARE)
        self._for_large = int(total * LARGE_SHARE)
        self._large = 0
        self.reserved = 0
        """Bytes that are booked at this moment."""
        self._waiting: dict[bool, deque[tuple[Booking, int, asyncio.Future[None]]]] = {
            True: deque(),
            False: deque(),
        }
        """Who waits, first come first served, by whether it is small."""

    @property
    def waiting(self) -> int:
        """How many uploads wait for room."""
        return sum(map(len, self._waiting.values()))

    @contextmanager
    def booking(self) -> Iterator[Booking]:
        """Begin without any room; what was booked is given back at the end."""
        booking = Booking(self)
        try:
            yield booking
        finally:
            booking.shrink_to(0)

    async def take(self, booking: Booking, size: int) -> None:
        """Give a booking so many bytes in all. Raises as `Booking.grow_to`."""
        is_small = size <= self._largest_small
        queue = self._waiting[is_small]
        if not queue and self._fits(booking, size):
            self._set(booking, size)
            return
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = (booking, size, came)
        queue.append(waiter)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await came
        except TimeoutError:
            raise ServiceFullError(
                "Other uploads take all the room at the moment; nothing of yours was stored.",
                retry_after=RETRY_AFTER_SECONDS,
                extra={"limit": "upload_room"},
            ) from None
        finally:
            if waiter in queue:
                queue.remove(waiter)
                self._let_in()  # whoever stood behind it

    def give_back(self, booking: Booking, size: int) -> None:
        """Leave a booking so many bytes."""
        self._set(booking, size)
        self._let_in()

    def _let_in(self) -> None:
        for queue in self._waiting.values():
            while queue:
                booking, size, came = queue[0]
                if not came.done():
                    if not self._fits(booking, size):
                        break
                    self._set(booking, size)
                    came.set_result(None)
                queue.popleft()

    def _fits(self, booking: Booking, size: int) -> bool:
        if self.reserved - booking.size + size > self.total:
            return False
        if size <= self._largest_small:
            return True
        others = self._large - (booking.size if booking.size > self._largest_small else 0)
        # One that is larger than its share alone comes when no other large one is there.
        return not others or others + size <= self._for_large

    def _set(self, booking: Booking, size: int) -> None:
        for old, sign in ((booking.size, -1), (size, 1)):
            self.reserved += sign * old
            if old > self._largest_small:
                self._large += sign * old
        booking.size = size


class Booking:
    """The room of one upload."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0
        """Bytes."""

    async def grow_to(self, size: int) -> None:
        """Wait until there is room for so many bytes in all; one that has as much keeps it.

        Raises:
            ServiceFullError: there was none in time, or never could be.
        """
        if size > self.size:
            await self._room.take(self, min(size, self._room.total))

    def shrink_to(self, size: int) -> None:
        """Give back what is beyond so many bytes."""
        if size < self.size:
            self._room.give_back(self, size)
