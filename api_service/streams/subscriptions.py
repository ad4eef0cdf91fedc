"""What is known of a session that somebody looks at: its streams, and what they were told."""

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
"""How long before its commit a film may have been answered."""


@dataclass(slots=True, eq=False)
class Watch:
    """A session that somebody looks at.

    Attributes:
        row: as it was last read.
        since: films that were answered after this may not have been told of.
        told: the films that were, though they were answered after it.
        rest_until: when it may be read again, by the loop's clock.
    """

    session_id: UUID
    streams: set[Stream] = field(default_factory=set)
    row: SessionRow | None = None
    since: datetime = NEVER
    told: set[tuple[int, datetime]] = field(default_factory=set)
    rest_until: float = 0.0

    def put(self, *, status: bytes = b"", films: Films | None = None) -> None:
        """Have this sent to all who know how everything stood before."""
        for stream in self.streams:
            if stream.settled:
                stream.put(status=status, films=films)

    def take_news(self, films: Sequence[AnsweredFilm], now: datetime) -> list[AnsweredFilm]:
        """Those of the films that were not told of, which from now on they are."""
        seen = {(film.position, film.answered_at): film for film in films}
        news = [
            film
            for key, film in seen.items()
            if film.answered_at > self.since and key not in self.told
        ]
        self.since = now - OVERLAP
        self.told = {key for key in self.told | seen.keys() if key[1] > self.since}
        return news

    def has_changed(self, row: SessionRow) -> bool:
        """Whether the session is another than it was when it was last read."""
        return self.row is None or replace(row, read_at=self.row.read_at) != self.row

    def newcomers(self) -> list[Stream]:
        """The streams that were not yet told how everything stands."""
        return [stream for stream in self.streams if not stream.settled]
