"""Limits on heavy statements at once, so that status reads never wait for them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from shared.errors import DatabaseBusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MOST_READS = 2
"""Heavy reads at once, of one process; as many again of lists that are not large."""
LARGE_FILMS = 5000
"""More films than this make a list large: milliseconds become seconds."""
WAIT_SECONDS = 10.0
"""How long a request waits for a slot before its client is asked to retry."""
RETRY_AFTER_SECONDS = 10
READ_SECONDS = 45.0
"""After which PostgreSQL ends a statement of a heavy read."""


class SizeLimiter:
    """Admits a few heavy statements at once, in order of arrival.

    Large lists have slots of their own, so that other lists do not wait for them.

    Args:
        most: how many, of either kind.
        most_usual: how many of lists that are not large, where that is another number.
        wait_seconds: how long one more waits for its turn.
        done: what is done to the lists, as the refusal says it.
    """

    def __init__(
        self,
        most: int = MOST_READS,
        wait_seconds: float = WAIT_SECONDS,
        done: str = "read",
        *,
        most_usual: int | None = None,
    ) -> None:
        self._done = done
        self._large = asyncio.Semaphore(most)
        self._usual = asyncio.Semaphore(most_usual or most)
        self._wait_seconds = wait_seconds

    @asynccontextmanager
    async def slot(self, films: int) -> AsyncIterator[None]:
        """Wait for a slot, and keep it within the context. A holder must not ask for another.

        Args:
            films: of the list that is read.

        Raises:
            DatabaseBusyError: none came in time.
        """
        free = self._large if films > LARGE_FILMS else self._usual
        try:
            async with asyncio.timeout(self._wait_seconds):
                await free.acquire()
        except TimeoutError:
            raise DatabaseBusyError(
                f"Too many lists are being {self._done} at the moment.",
                retry_after=RETRY_AFTER_SECONDS,
            ) from None
        try:
            yield
        finally:
            free.release()
