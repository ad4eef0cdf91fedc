"""What films take of the budget, as lately seen, for telling how long the others will take."""

from __future__ import annotations

MEMORY_FILMS = 30
"""About so many films are remembered: few enough to follow a list of another kind soon."""


class RequestCostEstimator:
    """A running mean of requests per film, in which older films count less and less."""

    def __init__(self) -> None:
        self._requests = 0.0
        self._films = 0.0

    @property
    def requests_per_film(self) -> float | None:
        """The mean, None before a film has ended."""
        return self._requests / self._films if self._films else None

    def observe_requests(self, count: int) -> None:
        """So many requests were spent, whatever came of them."""
        self._requests += count

    def observe_lookup(self) -> None:
        """A film has ended."""
        fading = 1 - 1 / MEMORY_FILMS
        self._requests *= fading
        self._films = self._films * fading + 1
