"""How long a film waits between its attempts: doubled each time, with jitter."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from enrich_service.options import WorkerOptions


def retry_delay(attempts: int, options: WorkerOptions) -> float:
    """Return the seconds until a film's next attempt.

    Args:
        attempts: that have failed, at least one.
        options: the first and the longest delay.
    """
    longest = min(options.first_backoff * 2.0 ** (attempts - 1), options.longest_backoff)
    return longest * random.uniform(0.5, 1)  # noqa: S311  # jitter, no secret
