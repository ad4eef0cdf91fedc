"""What only a whole file tells: out of how much its ratings are, how it writes its dates."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from api_service.rules.lists.dates import find_order
from api_service.rules.lists.model import Column
from api_service.rules.lists.ratings import find_scale
from api_service.rules.lists.report import Budget, FileJournal

if TYPE_CHECKING:
    from api_service.rules.lists.model import Layout
    from api_service.rules.lists.tables import Table

_LONGEST: Final = 40
"""Characters of a cell that could be a date or a rating."""
_MOST_DIFFERENT: Final = 100_000
"""Dates or ratings after which more of them would tell nothing new."""


def settle(table: Table, layout: Layout, most_rows: int) -> Layout:
    """The layout with what it left open answered, for which the file is read once more.

    Args:
        table: the file.
        layout: how it is read, as far as its beginning tells.
        most_rows: after which reading it in earnest will end, too.

    Raises:
        ListRefused: the file cannot be read to its end.
    """
    watched = layout.columns.get(Column.WATCH_DATE) if layout.dates_vary else None
    rated = layout.columns.get(Column.RATING) if layout.rating_out_of is None else None
    dates: dict[str, None] = {}
    ratings: dict[str, None] = {}
    if watched is not None or rated is not None:
        scratch = FileJournal(table.text.file.name, Budget(rows=most_rows, rejected=0))
        first = layout.header + 1
        for _, row in islice(table.records(scratch), first, first + most_rows):
            if watched is not None and watched < len(row) and len(row[watched]) <= _LONGEST:
                dates[row[watched]] = None
            if rated is not None and rated < len(row) and len(row[rated]) <= _LONGEST:
                ratings[row[rated]] = None
            if max(len(dates), len(ratings)) >= _MOST_DIFFERENT:
                break
    return replace(
        layout,
        date_order=find_order(dates) if layout.dates_vary else layout.date_order,
        rating_out_of=layout.rating_out_of or find_scale(ratings),
    )
