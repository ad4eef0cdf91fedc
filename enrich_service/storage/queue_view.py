"""The queue as a daemon sees it before it asks for slots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from shared.models import TMDBState

    Place = tuple[int, int]
    """A turn and a lookup's id: the order of the queue."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """What the dispatcher needs to know before it asks for slots.

    Attributes:
        looked_at: when, by the database's clock.
        paused: the fleet is paused.
        tmdb_state: the fleet's view of TMDB.
        due: lookups that somebody waits for and that could be claimed now, counted up to the room
            asked for.
        first: the first of them, in the order of the queue.
        virtual_time: V, the largest turn claimed so far.
        background_since: since when there is something due that nobody waits for; never for one
            session.
        background_due: whether its share of the budget is due, although somebody waits.
        next_due: seconds until the next backoff ends, None when nothing is backing off.
        next_due_turn: at which turn that is.
        next_probe: seconds until TMDB may be probed, None while it is up.
    """

    looked_at: datetime
    paused: bool
    tmdb_state: TMDBState
    due: int
    first: Place | None
    virtual_time: int
    background_since: datetime | None
    background_due: bool
    next_due: float | None
    next_due_turn: int
    next_probe: float | None

    @property
    def background(self) -> bool:
        """Whether there is anything to do that nobody waits for."""
        return self.background_since is not None
