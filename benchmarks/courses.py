"""Courses of sessions, as somebody sees them who keeps polling their status."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.harness import BenchmarkError

if TYPE_CHECKING:
    from benchmarks.harness import Bench

ETA_SHARE, ETA_SECONDS = 0.2, 10.0
"""An ETA may be wrong by either, whichever is larger."""
_POLL_SECONDS = 0.1


class LookupResolver:
    """What the status of one session said, again and again.

    Moments are `time.monotonic()` seconds.
    """

    def __init__(self, bench: Bench, session_id: str, total: int) -> None:
        self._bench = bench
        self._path = f"/api/session/{session_id}/status"
        self.total = total
        self.moments = [time.monotonic()]
        self.ended = [0]
        self._etas: list[int | None] = [None]
        self._moved = asyncio.Condition()

    async def watch(self) -> None:
        """Poll until the session is completed."""
        while self.ended[-1] < self.total:
            status = await self._bench.get(self._path)
            names = ("enriched_count", "not_found_count", "failed_count")
            async with self._moved:
                self.moments.append(time.monotonic())
                self.ended.append(sum(status[name] for name in names))
                self._etas.append(status["eta_seconds"])
                self._moved.notify_all()
            await asyncio.sleep(_POLL_SECONDS)

    async def reaches(self, films: int) -> float:
        """Wait until so many films have ended; the moment at which they had."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.ended[-1] >= films)
        return next(
            moment for moment, ended in zip(self.moments, self.ended, strict=True) if ended >= films
        )

    async def worst_eta(self) -> float:
        """The largest error of an ETA from 10 % progress on; 1 is as wrong as it may be.

        Raises:
            BenchmarkError: there was none.
        """
        end = await self.reaches(self.total)
        errors = []
        for moment, ended, eta in zip(self.moments, self.ended, self._etas, strict=True):
            if self.total / 10 <= ended < self.total:
                if eta is None:
                    raise BenchmarkError("the status gave no ETA though the fleet was at work")
                left = end - moment
                errors.append(abs(eta - left) / max(ETA_SHARE * left, ETA_SECONDS))
        return max(errors)

    def longest_stop(self) -> float:
        """The longest time in which no film ended, in seconds."""
        steps = [self.moments[0]]
        steps += [
            later
            for (before, after), later in zip(pairwise(self.ended), self.moments[1:], strict=True)
            if after > before
        ]
        return max(later - earlier for earlier, later in pairwise(steps))
