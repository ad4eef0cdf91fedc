"""Subscriptions to a session: its streams, and what they were sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from api_service.storage.events import NEVER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from api_service.storage.events import AnsweredFilm
    from api_service.storage.sessions import SessionRow
    from api_service.streams.stream import Films, Stream

OVERLAP = timedelta(seconds=10)
"""How long before its commit a film may have been answered, at most."""


@dataclass(slots=True, eq=False)
class Subscription:
    """A session with open event streams.

    Attributes:
        row: as it was last read.
        since: films that were answered after this may not have been sent of.
        sent: the films that were, though they were answered after it.
        rest_until: when it may be read again, by the loop's clock.
    """

    session_id: UUID
    streams: set[Stream] = field(default_factory=set)
    row: SessionRow | None = None
    since: datetime = NEVER
    sent: set[tuple[int, datetime]] = field(default_factory=set)
    rest_until: float = 0.0

    def put(self, *, status: bytes = b"", films: Films | None = None) -> None:
        """Send this to all streams that have the former state."""
        for stream in self.streams:
            if stream.settled:
                stream.put(status=status, films=films)

    def take_changes(self, films: Sequence[AnsweredFilm], now: datetime) -> list[AnsweredFilm]:
        """Return the films that were not sent, and record them as sent."""
        seen = {(film.position, film.answered_at): film for film in films}
        changes = [
            film
            for key, film in seen.items()
            if film.answered_at > self.since and key not in self.sent
        ]
        self.since = now - OVERLAP
        self.sent = {key for key in self.sent | seen.keys() if key[1] > self.since}
        return changes

    def has_changed(self, row: SessionRow) -> bool:
        """Return whether the session has changed since it was last read."""
        return self.row is None or replace(row, read_at=self.row.read_at) != self.row

    def newcomers(self) -> list[Stream]:
        """Return the streams that were not yet sent the current state."""
        return [stream for stream in self.streams if not stream.settled]
