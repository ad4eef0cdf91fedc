"""What may happen thousands of times a minute is logged once, with how often it was not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

REPEAT_SECONDS: Final = 60.0
"""Between two lines of the log that say the same."""


class Seldom:
    """Decides whether something is to be said again.

    Args:
        clock: for a test to turn.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[Hashable, tuple[float, int]] = {}

    def due(self, what: Hashable) -> int | None:
        """Return how often this was not said since it was last said; None where it is too soon.

        Args:
            what: one of a few, because each is remembered.
        """
        now = self._clock()
        next_at, suppressed = self._said.get(what, (now, 0))
        if now < next_at:
            self._said[what] = next_at, suppressed + 1
            return None
        self._said[what] = now + REPEAT_SECONDS, 0
        return suppressed
