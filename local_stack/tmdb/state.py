"""The state of a running stand-in: catalogue, options, faults and arrivals."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from typing import TYPE_CHECKING

from aiohttp import web

from local_stack.tmdb.faults import Faults
from local_stack.tmdb.request_window import RequestWindow

if TYPE_CHECKING:
    from local_stack.tmdb.catalogue import Catalogue
    from local_stack.tmdb.options import StandInOptions

KEPT_ARRIVALS = 200_000
"""How many arrivals are kept individually."""


class StandIn:
    """A running stand-in.

    Attributes:
        catalogue: its films and shows.
        options: its options, replaced as a whole.
        faults: the active fault rules.
        window: the request budget.
        arrivals: when the last requests to `/3` arrived, seconds since the epoch.
        answered: responses by HTTP status.
        by_route: arrivals by route.
        requests: all arrivals.
        refused: how many of them were over the budget.
        first_request_at: seconds since the epoch.
        exports: daily exports that were sent, which are no requests to `/3`.
        export: the file, once somebody has asked for it.
        stopping: set when the server stops, to end hanging requests.
    """

    def __init__(self, catalogue: Catalogue, options: StandInOptions) -> None:
        self.catalogue = catalogue
        self.options = options
        self.stopping = asyncio.Event()
        self.export: bytes | None = None
        self.reset()

    def reset(self) -> None:
        """Reset arrivals, window and faults; keep catalogue and options."""
        self.faults = Faults()
        self.window = RequestWindow(self.options.limit, self.options.period)
        self.arrivals: deque[float] = deque(maxlen=KEPT_ARRIVALS)
        self.answered: Counter[int] = Counter()
        self.by_route: Counter[str] = Counter()
        self.requests = 0
        self.refused = 0
        self.exports = 0
        self.first_request_at: float | None = None

    def arrive(self, route: str) -> int | None:
        """Count a request to `/3`.

        Returns:
            None if allowed, else the whole seconds until one will be.
        """
        at = time.time()
        self.arrivals.append(at)
        self.requests += 1
        self.by_route[route] += 1
        if self.first_request_at is None:
            self.first_request_at = at
        return self.window.arrive(time.monotonic())

    def change_options(self, options: StandInOptions) -> None:
        """Change the options."""
        self.options = options
        self.window.change(limit=options.limit, period=options.period)

    def report(self, *, arrivals: bool) -> dict[str, object]:
        """Return the counts, and the individual arrivals if requested."""
        counts: dict[str, object] = {
            "requests": self.requests,
            "largest_window": self.window.largest,
            "limit": self.options.limit,
            "period": self.options.period,
            "answered": {str(status): count for status, count in self.answered.items()},
            "refused_429": self.refused,
            "exports": self.exports,
            "by_route": dict(self.by_route),
            "faults_struck": dict(self.faults.struck),
            "first_request_at": self.first_request_at,
            "last_request_at": self.arrivals[-1] if self.arrivals else None,
        }
        return counts | ({"arrivals": list(self.arrivals)} if arrivals else {})


STAND_IN = web.AppKey("STAND_IN", StandIn)
"""The application key of the stand-in."""
