"""What a guarantee is, when it may be asked, and what its statement needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Moment(StrEnum):
    """When a guarantee holds that SQL decides."""

    ALWAYS = "always"
    """In whatever one snapshot sees."""
    AT_REST = "at rest"
    """When nothing is under way, and everything that was queued has ended."""


@dataclass(frozen=True, slots=True)
class Guarantee:
    """One promise, and what decides whether it is kept.

    Attributes:
        id: stable, also when others go.
        sentence: as it stands on the page.
        faults: what it was tried under, as it stands on the page.
        tests: files below `tests/` that try it; one function of a file is named after `::`.
        sql: returns the rows that violate it. Its parameters are those of `Measures`.
        moment: when the statement may be asked.
        constraints: of the database, by `table.name`, which keep it by themselves.
    """

    id: str
    sentence: str
    faults: str
    tests: tuple[str, ...]
    sql: str | None = None
    moment: Moment | None = None
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measures:
    """What the statements need to know of the fleet's options. Durations are seconds.

    Attributes:
        limit: requests in any `period`.
        period: of the budget, without its margin.
        connections: to TMDB, of all daemons together.
        lease: after a heartbeat for which a worker's connections count.
        shares: films of one client at any turn.
    """

    limit: int = 40
    period: float = 10.0
    connections: int = 20
    lease: float = 7.0
    shares: int = 4


ANY_BUDGET = Measures(limit=1_000_000)
"""For fleets whose daemons have not all one limit, or have it changed."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A guarantee that is not kept: its id, and a row or a sentence that shows it."""

    guarantee: str
    evidence: str
