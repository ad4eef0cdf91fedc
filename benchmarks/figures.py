"""Figures: what was measured beside what is to be reached, and the arithmetic that makes them."""

from __future__ import annotations

import itertools
import statistics
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PERCENT = 100
WIDEST = 62
"""Characters in a cell before it is wrapped."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of a benchmark's table.

    Attributes:
        what: is measured.
        measured: as it is to be read, with its unit.
        reach: what is to be reached; blank where the figure is told for its own sake.
        met: whether it was; None where nothing is to be reached.
    """

    what: str
    measured: str
    reach: str = ""
    met: bool | None = None


def table(figures: Sequence[Figure]) -> str:
    """The figures in aligned columns, under a heading; what is too wide goes on below."""
    said = {True: "yes", False: "NO", None: ""}
    rows = [("what", "measured", "to be reached", "met")]
    rows += [(row.what, row.measured, row.reach, said[row.met]) for row in figures]
    lines = [line for row in rows for line in _wrapped(row)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([texts[0], "-" * max(map(len, texts)), *texts[1:]])


def _wrapped(row: Sequence[str]) -> list[tuple[str, ...]]:
    cells = [textwrap.wrap(cell, WIDEST, subsequent_indent="  ") for cell in row]
    return list(itertools.zip_longest(*cells, fillvalue=""))


def spread(values: Sequence[float], unit: str, digits: int = 1) -> str:
    """The median, with the smallest and the largest where there are several: `3.1 s (2.9-4.0)`."""
    middle = f"{statistics.median(values):.{digits}f} {unit}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):.{digits}f}-{max(values):.{digits}f})"


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that `percent` of them do not exceed (nearest rank)."""
    rank = -(-len(values) * percent // PERCENT)
    return sorted(values)[max(rank, 1) - 1]


def share_of_budget(arrivals: Sequence[float], limit: int, period: float) -> float:
    """How much of the budget was used once the first burst was over, 1 being all of it.

    Args:
        arrivals: of all requests, seconds, in their order; more than `limit` + 1 of them.
        limit: requests in any `period`.
        period: seconds.
    """
    after_burst = arrivals[limit:]
    seconds = after_burst[-1] - after_burst[0]
    return (len(after_burst) - 1) / seconds * period / limit


def longest_gap(moments: Sequence[float], start: float, end: float) -> float:
    """The longest time in which nothing happened, between a start and an end, which count too."""
    inside = [moment for moment in sorted(moments) if start <= moment <= end]
    return max(later - earlier for earlier, later in itertools.pairwise([start, *inside, end]))
