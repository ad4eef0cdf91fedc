"""Watching the memory of a process while something else is measured."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from typing import Self

MEGABYTE = 1024 * 1024
_SAMPLE_SECONDS = 0.02


class MemoryWatch:
    """Samples the resident memory of a process and of the children it has by now, in bytes.

    Shared pages are counted for each, so of the sum only the growth says much; reading it is cheap
    enough to be done every 20 ms, which the proportional set size is not.
    """

    def __init__(self, pid: int) -> None:
        parent = psutil.Process(pid)
        self._processes = [parent, *parent.children(recursive=True)]
        self.first = self.peak = self._sum()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._sample())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()

    @property
    def growth(self) -> int:
        """From the first sample to the largest."""
        return self.peak - self.first

    async def _sample(self) -> None:
        while True:
            await asyncio.sleep(_SAMPLE_SECONDS)
            self.peak = max(self.peak, self._sum())

    def _sum(self) -> int:
        return sum(process.memory_info().rss for process in self._processes)
