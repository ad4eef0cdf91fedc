"""The gate before TMDB: no request passes without a fresh slot of the fleet's window.

The dispatcher takes slots and gives them here; requests of films in flight wait here for theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class SlotWaitCancelledError(Exception):
    """There will be no slot for this request: this daemon does not reach TMDB, others do."""


class SlotGate:
    """A queue of requests that wait for slots.

    Args:
        wake: set when somebody starts to wait, so that the dispatcher takes a slot for them.
        observe_wait: told how long each request waited for its slot, in seconds.
    """

    def __init__(
        self, wake: asyncio.Event, observe_wait: Callable[[float], None] | None = None
    ) -> None:
        self._wake = wake
        self._note_wait = observe_wait
        self._queue: deque[asyncio.Future[float]] = deque()
        self._spare: list[float] = []

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot."""
        self._drop_cancelled()
        return len(self._queue)

    async def acquire(self, expiry: float | None = None) -> float:
        """Return at a moment when a request may be sent, with the time until which it may.

        Args:
            expiry: of a slot that the caller was given already (`time.monotonic()` seconds). One
                that has expired, because the process stalled, is thrown away and taken anew.

        Raises:
            SlotWaitCancelledError: nobody here is to wait any longer.
        """
        started = time.monotonic()
        while expiry is None or time.monotonic() > expiry:
            place = asyncio.get_running_loop().create_future()
            self._queue.append(place)
            self._wake.set()
            expiry = await place
        if self._note_wait is not None:
            self._note_wait(time.monotonic() - started)
        return expiry

    def give(self, expiries: Iterable[float]) -> list[float]:
        """Hand slots to those who wait, in the order they came; the slots that nobody needed."""
        left = []
        for expiry in expiries:
            self._drop_cancelled()
            if self._queue:
                self._queue.popleft().set_result(expiry)
            else:
                left.append(expiry)
        return left

    def put_back(self, expiry: float) -> None:
        """Take back the slot of a film that needed none, for another to start on."""
        self._spare.append(expiry)
        self._wake.set()

    @property
    def has_spare(self) -> bool:
        """Whether a slot that was put back can still be used."""
        now = time.monotonic()
        self._spare = [expiry for expiry in self._spare if expiry > now]
        return bool(self._spare)

    def take_spare(self) -> list[float]:
        """The slots that were put back and can still be used."""
        spare, self._spare = (self._spare if self.has_spare else []), []
        return spare

    def cancel_waiters(self) -> None:
        """Let nobody wait any longer: what they wait for can be done elsewhere."""
        self._drop_cancelled()
        for place in self._queue:
            if not place.done():
                place.set_exception(SlotWaitCancelledError())
        self._queue.clear()

    def _drop_cancelled(self) -> None:
        while self._queue and self._queue[0].done():
            self._queue.popleft()
