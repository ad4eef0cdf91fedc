"""What only a whole file tells: the scale of its ratings, the order in its dates, its episodes."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from api_service.rules.lists.dates import date_reader, find_order
from api_service.rules.lists.model import Column
from api_service.rules.lists.ratings import find_scale
from api_service.rules.lists.report import Budget, FileJournal
from api_service.rules.lists.title_types import not_a_film

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    study = layout.study() if layout.study else None
    add = study.add if study else None
    dates: dict[str, None] = {}
    ratings: dict[str, None] = {}
    if watched is not None or rated is not None or study:
        scratch = FileJournal(table.text.file.name, Budget(rows=most_rows, rejected=0))
        first = layout.header + 1
        is_plain = Column.TYPE not in layout.columns and layout.no_viewing is None
        titled = layout.columns.get(Column.TITLE, -1)
        for _, row in islice(table.records(scratch), first, first + most_rows):
            if watched is not None and watched < len(row) and len(row[watched]) <= _LONGEST:
                if len(dates) < _MOST_DIFFERENT:
                    dates[row[watched]] = None
                if add and titled < len(row) and (is_plain or _is_viewing(row, layout)):
                    add(row[titled], row[watched])
            if rated is not None and rated < len(row) and len(row[rated]) <= _LONGEST:
                ratings[row[rated]] = None
            if add is None and max(len(dates), len(ratings)) >= _MOST_DIFFERENT:
                break
    order = find_order(dates) if layout.dates_vary else layout.date_order
    if study:
        verdicts = study.judge(date_reader(order))
        doubt = verdicts.doubt if verdicts.has_doubts else None
        layout = replace(layout, not_a_film=verdicts.not_a_film, doubt=doubt)
    return replace(
        layout, date_order=order, rating_out_of=layout.rating_out_of or find_scale(ratings)
    )


def _is_viewing(row: Sequence[str], layout: Layout) -> bool:
    """Whether no other column says that nothing was watched."""
    kind = layout.columns.get(Column.TYPE)
    if kind is not None and kind < len(row) and not_a_film(row[kind]):
        return False
    return layout.no_viewing is None or layout.no_viewing(row) is None
