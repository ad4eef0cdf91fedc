"""Waiting for a condition, with a limit that only ends a hang."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE_SECONDS = 120.0
"""Twice what the slowest step was seen to take on two cores that others share."""
_POLL_SECONDS = 0.02


async def until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds, which may be a coroutine's; fail when it does not come to."""
    deadline = time.monotonic() + seconds
    while True:
        holds = condition()
        if await holds if inspect.isawaitable(holds) else holds:
            return
        assert time.monotonic() < deadline, f"what was waited for did not happen in {seconds} s"
        await asyncio.sleep(_POLL_SECONDS)
