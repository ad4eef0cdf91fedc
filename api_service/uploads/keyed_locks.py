"""Locks by key, so that one process does one thing at a time to each session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from uuid import UUID


class KeyedLocks:
    """A lock for each id, as long as it is held or waited for."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    def get(self, key: UUID) -> asyncio.Lock:
        """Return the lock of this id."""
        return self._locks.setdefault(key, asyncio.Lock())
