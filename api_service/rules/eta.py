"""How long a session still takes, when the budget is shared film by film with all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUESTS_PER_FILM = 2
"""A search and the details; films that were listed by id take one."""


def estimate_seconds(
    remaining: int, everyones_remaining: Iterable[int], *, limit: int, period: float
) -> int:
    """Seconds until the last of a session's remaining movies has an outcome.

    Turns go round film by film, so until then every session gets as many films as this one, or as
    many as it has left.

    Args:
        remaining: movies of this session without an outcome.
        everyones_remaining: the same of every session that waits, this one included.
        limit: requests in any period.
        period: seconds.
    """
    if remaining == 0:
        return 0
    films = max(sum(min(other, remaining) for other in everyones_remaining), remaining)
    return round(films * REQUESTS_PER_FILM * period / limit)
