"""How often each client may do a thing: a bucket of permits for each, filled evenly."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CLIENTS = 50_000
"""Clients that are remembered; beyond them, the one that came longest ago is forgotten."""


class RateLimit:
    """Lets each client do something a few times at once, and then so many times in each period.

    For each the time is kept at which its bucket is full again (the generic cell rate algorithm),
    so one number says everything, and who has not come for a period needs none.

    Args:
        times: in a period, one every `period / times`; 0 is no limit.
        period: seconds.
        burst: times at once, for who has not come for long.
        clock: for a test to turn.
    """

    def __init__(
        self,
        times: int,
        period: float,
        *,
        burst: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = period / times if times else 0.0
        self._burst_seconds = burst * self._interval
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """Return how many clients are remembered."""
        return len(self._full_at)

    def take(self, client: str) -> int | None:
        """Take a permit: None, or the seconds after which there is one."""
        if not self._interval:
            return None
        now = self._clock()
        full_at = max(self._full_at.get(client, now), now) + self._interval
        too_early = full_at - now - self._burst_seconds
        if too_early > 1e-9:  # noqa: PLR2004  # the error of adding so many fractions
            return math.ceil(too_early)
        self._full_at[client] = full_at
        self._full_at.move_to_end(client)
        self._forget(now)
        return None

    def give_back(self, client: str) -> None:
        """Give a permit back that was taken for nothing."""
        if (full_at := self._full_at.get(client)) is not None:
            self._full_at[client] = full_at - self._interval

    def _forget(self, now: float) -> None:
        """Forget whose bucket is full, as far as they come first, and whoever are too many."""
        while self._full_at:
            client, full_at = next(iter(self._full_at.items()))
            if full_at > now and len(self._full_at) <= MOST_CLIENTS:
                return
            del self._full_at[client]
