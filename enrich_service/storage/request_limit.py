"""The limit that the window keeps: requests in any period."""

from __future__ import annotations

from dataclasses import dataclass

SMOOTH_ABOVE = 10.0
"""Requests a second from which on there are no bursts: an even flow ends a small list as soon."""


@dataclass(frozen=True, slots=True)
class RequestLimit:
    """What TMDB allows: `limit` requests in any `period`; a send may be `margin` seconds late."""

    limit: int = 40
    period: float = 10.0
    margin: float = 0.2

    @property
    def is_smooth(self) -> bool:
        """Whether even a quiet fleet sends one request after another."""
        return self.limit > SMOOTH_ABOVE * self.period
