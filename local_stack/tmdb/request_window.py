"""The stand-in's request budget: a sliding window."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class RequestWindow:
    """Count arrivals in the last `period` seconds of a monotonic clock.

    Refused arrivals use no budget, so waiting for Retry-After always helps, but they do count in
    `largest`, by which a client is judged.

    Attributes:
        limit: requests allowed in any `period`.
        period: seconds.
        largest: the most arrivals, refused ones included, ever seen in any `period`.
    """

    limit: int
    period: float
    largest: int = 0
    _arrived: deque[float] = field(default_factory=deque)
    _admitted: deque[float] = field(default_factory=deque)

    def arrive(self, now: float) -> int | None:
        """Count one arrival.

        Returns:
            None if allowed, else the whole seconds (at least 1) until one will be.
        """
        _forget(self._arrived, now - self.period)
        self._arrived.append(now)
        self.largest = max(self.largest, len(self._arrived))
        _forget(self._admitted, now - self.period)
        if len(self._admitted) < self.limit:
            self._admitted.append(now)
            return None
        frees_one = self._admitted[-self.limit] + self.period
        return max(1, math.ceil(frees_one - now))

    def change(self, *, limit: int, period: float) -> None:
        """Change the budget; a different period resets the counts."""
        if not math.isclose(period, self.period):
            self._arrived.clear()
            self._admitted.clear()
            self.largest = 0
        self.limit = limit
        self.period = period


def _forget(moments: deque[float], until: float) -> None:
    while moments and moments[0] <= until:
        moments.popleft()
