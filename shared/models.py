"""Values stored in or sent through the database: outcomes, states and channels."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a lookup ended."""

    FOUND = "found"
    NOT_FOUND = "not_found"
    FAILED = "failed"


class SessionStatus(StrEnum):
    """Whether every lookup of a session has an outcome."""

    ENRICHING = "enriching"
    COMPLETED = "completed"


class TMDBState(StrEnum):
    """What the fleet knows of TMDB."""

    UP = "up"
    DOWN = "down"
    REFUSED = "refused"
    """The key is refused."""


class Channel(StrEnum):
    """What is sent with NOTIFY; payloads are ids and turns only."""

    NEW_WORK = "new_work"
    """Lookups became due or were moved up; the payload is the lowest of their turns."""
    SESSION_PROGRESS = "session_progress"
    """A session's counts or status changed; the payload is its id."""
    FLEET_CONTROL = "fleet_control"
    """The fleet was paused or resumed, or TMDB's state changed; no payload."""


BACKGROUND_TURN = 2**63 - 1
"""The largest turn there is: of what nobody waits for."""
HELD_TURN = BACKGROUND_TURN - 1
"""Of lookups that only held sessions list: no claim goes so far. They are due in `HELD_YEARS`, too,
so that a daemon of an earlier release, which knows of no such turn, leaves them where they are."""
HELD_YEARS = 100

SILENT_SECONDS = 12.0
"""After which a worker without a heartbeat counts as gone."""

RECOVERY_SECONDS = 300.0
"""In which a fleet that 429s have slowed regains all of its rate; half of it in half the time."""

DOUBTFUL_BELOW = 97
"""A film found with less confidence than this is doubtful: its title is no more than close to the
one asked for, or close and a year apart, or TMDB does not know its year."""

UPLOADS_LOCK = 0x55504C44
"""Advisory lock ("UPLD"): shared by who adds movies to lookups, exclusive for who deletes lookups,
so that no lookup goes away under an upload that has just read its id."""
