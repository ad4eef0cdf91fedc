"""How long a session still takes, when the budget is shared film by film with all others."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

REQUESTS_PER_FILM = 2.0
"""A search and the details, where no daemon has told yet what films take."""


def films_ahead(remaining: int, everyones_remaining: Iterable[int], granted: int = 0) -> int:
    """How many films end until the last of a session's has: at most, if no two lists share any.

    Turns go round film by film, so until then every session gets as many films as this one, or as
    many as it has left.

    Args:
        remaining: movies of this session without an outcome.
        everyones_remaining: the same of every session that waits, this one included; but for those
            of clients, which wait for their turns.
        granted: turns that clients were granted until then.
    """
    others = sum(min(other, remaining) for other in everyones_remaining)
    return max(others + granted, remaining)


def estimate_seconds(
    films: int, *, requests_per_film: float | None, wait: float, limit: int, period: float
) -> int:
    """Seconds until so many films have ended.

    Args:
        films: that come before the end, those in flight included.
        requests_per_film: as lately measured, None where nothing was.
        wait: seconds until the next request may go out.
        limit: requests in any period.
        period: seconds.
    """
    requests = films * (REQUESTS_PER_FILM if requests_per_film is None else requests_per_film)
    return round(wait + requests * period / limit)
