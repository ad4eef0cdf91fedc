"""For how long vacuum has been held back: the age of the oldest snapshot, as this process saw it.

PostgreSQL shows every role which transaction a snapshot holds on to, but only a role that may read
everybody's queries when it began; a standby and a replication slot have no such time at all.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable


class HeldSnapshots:
    """Remembers when each snapshot that is still held was first seen.

    Args:
        read: the transaction ids that are held on to at the moment.
    """

    def __init__(self, read: Callable[[], Awaitable[Iterable[int]]]) -> None:
        self._read = read
        self._seen: dict[int, float] = {}

    async def oldest_age(self) -> float:
        """Return the seconds since the oldest one was first seen; 0 where there is none."""
        held = await self._read()
        now = time.monotonic()
        self._seen = {xid: self._seen.get(xid, now) for xid in held}
        return now - min(self._seen.values(), default=now)
