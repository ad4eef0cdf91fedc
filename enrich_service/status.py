"""What one daemon says of itself, read by attribute or like a dictionary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime

from shared.models import TMDBState

StatusValue = str | bool | int | float | datetime | TMDBState | None


@dataclass(frozen=True, slots=True)
class WorkerStatus(Mapping[str, StatusValue]):
    """What one daemon says of itself.

    Attributes:
        worker_status: `running`, `paused` or `stopped`.
        running: whether its scheduler runs.
        last_run, next_run: of the fallback tick.
        interval: seconds between ticks.
        in_flight: films being looked up.
        blocked: films that are answered, and wait to be saved until others let go of their rows.
        tick_lag: by how many seconds the tick is late; 0 while it is on time.
        tick_overdue: whether the tick should have come long ago.
        listening: whether wake-ups arrive.
        tmdb_state: what TMDB is to this daemon, which may be cut off by itself.
    """

    worker_status: str
    running: bool
    last_run: datetime | None
    next_run: datetime | None
    interval: float
    in_flight: int
    blocked: int
    tick_lag: float
    tick_overdue: bool
    listening: bool
    tmdb_state: TMDBState

    def __getitem__(self, name: str) -> StatusValue:
        """Return one of the attributes.

        Raises:
            KeyError: there is none of that name.
        """
        if name not in _NAMES:
            raise KeyError(name)
        value: StatusValue = getattr(self, name)
        return value

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the attributes."""
        return iter(_NAMES)

    def __len__(self) -> int:
        """Count the attributes."""
        return len(_NAMES)


_NAMES = tuple(field.name for field in fields(WorkerStatus))
