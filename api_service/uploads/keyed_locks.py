"""Turns: of those who work on the same thing in one process, one after another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from uuid import UUID


class Turns:
    """A lock for each id that somebody works on."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def of(self, one: UUID) -> asyncio.Lock:
        """The lock of this one; it is gone when nobody holds it or waits for it."""
        return self._locks.setdefault(one, asyncio.Lock())
