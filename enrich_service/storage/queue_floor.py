"""The floor of the queue: where a daemon's looks and claims begin, so that they pass nothing twice.

What was claimed and answered leaves dead entries at the queue's old end, which every scan from its
beginning reads again for as long as anybody's snapshot keeps them. So a look begins where the last
one found its first film, and never beyond the clock's next turn, which is the least that is given
to anything new. Whatever becomes claimable below that is told of:

- what is committed late, moved up or given back sends `new_work` with its lowest turn;
- backoffs end by themselves: this daemon's own are kept here, and each look finds the nearest;
- a notification that was lost is made up for by the tick, which begins at the beginning.
"""

from __future__ import annotations

import heapq
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared.models import BACKGROUND_TURN

if TYPE_CHECKING:
    from enrich_service.storage.queue_view import Place, QueueView

BEGINNING: Place = (0, 0)
OLDEST = datetime.min.replace(tzinfo=UTC)
LATE = timedelta(seconds=10)
"""What is queued for the background now may be committed so long after."""


class QueueFloor:
    """Below it nothing can be claimed, as far as this daemon knows."""

    def __init__(self) -> None:
        self._place = BEGINNING
        self._due_since = OLDEST
        self._told: Place | None = None
        self._told_background = False
        self._own_backoffs: list[tuple[float, int]] = []
        self._next_backoff: tuple[float, int] | None = None

    @property
    def place(self) -> Place:
        """Where a scan for somebody's films begins."""
        return min(self._place, self._told or self._place)

    @property
    def due_since(self) -> datetime:
        """Where a scan in the background begins, which is in the order of `due_at`."""
        return OLDEST if self._told_background else self._due_since

    def lower(self, turn: int | None = None) -> None:
        """Something may be claimable from this turn on; without one, anything may."""
        if turn is None or turn >= BACKGROUND_TURN:
            self._told_background = True
        if turn is None or turn < BACKGROUND_TURN:
            self._told = min((turn or 0, 0), self._told or (BACKGROUND_TURN, 0))

    def note_backoff(self, turn: int, seconds: float) -> None:
        """A lookup that this daemon has put off can be claimed at this turn after so long."""
        heapq.heappush(self._own_backoffs, (time.monotonic() + seconds, turn))

    def begin_look(self) -> None:
        """Take in what was told; the look may come too early for what is told from here on."""
        self._end_backoffs()
        self._place, self._told = self.place, None
        self._due_since, self._told_background = self.due_since, False

    def end_look(self, view: QueueView, *, counted: bool) -> None:
        """Move up to what a look has found first.

        Args:
            view: what it found.
            counted: whether it looked for films at all.
        """
        self._end_backoffs()
        if counted:
            next_turn = (view.virtual_time + 1, 0)
            self._place = min(view.first or next_turn, next_turn)
        self._due_since = view.background_since or view.looked_at - LATE
        if view.next_due is not None:
            self._next_backoff = time.monotonic() + view.next_due, view.next_due_turn

    def _end_backoffs(self) -> None:
        now = time.monotonic()
        while self._own_backoffs and self._own_backoffs[0][0] <= now:
            self.lower(heapq.heappop(self._own_backoffs)[1])
        if self._next_backoff and self._next_backoff[0] <= now:
            self.lower(self._next_backoff[1])
            self._next_backoff = None
