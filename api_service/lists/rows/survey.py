"""What only a whole file tells: scale of ratings, order of dates, episodes, and the like.

That is what a blank means beside filled cells, too, and which columns are not read.
"""

from __future__ import annotations

import contextlib
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from api_service.lists.model import Column, ListRefused, Unread
from api_service.lists.report import Budget, FileJournal
from api_service.lists.values.dates import (
    agree,
    date_reader,
    find_order,
    is_numbered,
    looks_like_date,
)
from api_service.lists.values.headers import is_telling
from api_service.lists.values.ratings import find_scale
from api_service.lists.values.states import NOTHING, State
from api_service.lists.values.title_types import not_a_film

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from api_service.lists.files.tables import Table
    from api_service.lists.model import Layout, TitleStudy
    from api_service.lists.values.dates import DateOrder

_LONGEST: Final = 40
"""Characters of a cell that could be a date or a rating."""
_MOST_DIFFERENT: Final = 100_000
"""Dates or ratings after which more of them would tell nothing new."""
_FIRST_ROWS: Final = 12
_LONGEST_EXAMPLE: Final = 100
_MOST_UNREAD: Final = 100
COMMON: Final = -1
"""Stands for every column of which the order of dates is not told alone."""


def settle(table: Table, layout: Layout, most_rows: int) -> Layout:
    """The layout with what it left open answered, for which the file may be read once more.

    Args:
        table: the file.
        layout: how it is read, as far as its beginning tells.
        most_rows: after which reading it in earnest will end, too.

    Raises:
        ListRefused: the file cannot be read to its end.
    """
    rated = layout.columns.get(Column.RATING) if layout.rating_out_of is None else None
    states = _columns_with_blanks(layout)
    ratings: dict[str, None] = {}
    filled: set[int] = set()
    blank: set[int] = set()
    if rated is not None or states:
        for row in _rows(table, layout, most_rows):
            if rated is not None and rated < len(row) and len(row[rated]) <= _LONGEST:
                ratings[row[rated]] = None
                if len(ratings) >= _MOST_DIFFERENT:
                    break
            for at in states:
                cell = row[at].strip() if at < len(row) else ""
                (filled if cell and cell.casefold() not in NOTHING else blank).add(at)
    order = layout.date_order
    if layout.study:
        layout = _studied(table, layout, layout.study(), most_rows)
        order = layout.date_order
    elif layout.dates_vary:
        orders = find_orders(table, layout, most_rows)
        order = orders.get(layout.columns.get(Column.WATCH_DATE, COMMON), orders[COMMON])
    unread, waiting = _unread(table, layout)
    return replace(
        layout,
        date_order=order,
        rating_out_of=layout.rating_out_of or find_scale(ratings),
        blanks_tell=_blanks_tell(layout, filled & blank),
        unread=unread,
        waiting=waiting,
    )


def _columns_with_blanks(layout: Layout) -> list[int]:
    """The columns of which a blank may say that a film was not seen."""
    if not layout.blanks_may_tell:
        return []
    named = (Column.STATE, Column.SEEN, Column.PLAYS, Column.WATCH_DATE)
    return [layout.columns[column] for column in named if column in layout.columns]


def _blanks_tell(layout: Layout, both: set[int]) -> State | None:
    """What a row states that has nothing in a column in which others have something."""
    told = {column for column, at in layout.columns.items() if at in both}
    if not told.isdisjoint({Column.STATE, Column.SEEN, Column.PLAYS}):
        return State.UNSEEN
    return State.PLANNED if Column.WATCH_DATE in told else None


def find_orders(table: Table, layout: Layout, most_rows: int) -> Mapping[int, DateOrder | None]:
    """In which order each column writes its dates, where it has such that only the file tells.

    One cell with a day over 12 decides for its column; for the others, too, unless two contradict
    each other.

    Raises:
        ListRefused: the file cannot be read to its end.
    """
    header = _opening(table, layout)[0]
    dated = [
        at
        for at, name in enumerate(header)
        if at in layout.columns.values() or is_telling(name) or "release" in name.casefold()
    ]
    dates: dict[int, dict[str, None]] = {at: {} for at in dated}
    room = _MOST_DIFFERENT
    for row in _rows(table, layout, most_rows):
        for at in dated:
            cell = row[at] if at < len(row) else ""
            if 0 < len(cell) <= _LONGEST and cell not in dates[at] and is_numbered(cell):
                dates[at][cell] = None
                room -= 1
        if room <= 0:
            break
    own = {at: find_order(cells) for at, cells in dates.items()}
    common = agree(None, own.values())
    return {at: order or common for at, order in own.items()} | {COMMON: common}


def _unread(table: Table, layout: Layout) -> tuple[list[Unread], dict[int, str]]:
    """The columns that look as if they told something, are not read, and have a cell at the top.

    And those that have none so far: a later row may.
    """
    if not layout.names_unread:
        return [], {}
    used = {
        *layout.columns.values(),
        *(at for places in layout.further.values() for at in places),
        *(at for at, _, _ in layout.rules),
        *(at for at in (layout.joined_by, layout.profile) if at is not None),
    }
    header, rows = _opening(table, layout)
    examples = getattr(table, "examples", {})
    spelled = getattr(table, "spelling", str)
    found: list[Unread] = []
    waiting: dict[int, str] = {}
    for at, name in enumerate(header):
        if at in used or not name.strip():
            continue
        cells = [examples.get(name, ""), *(row[at] for row in rows if at < len(row))]
        example = next((cell for cell in cells if cell.strip()), "")[:_LONGEST_EXAMPLE]
        if is_telling(spelled(name)) or _is_dated(example):
            if example:
                found.append(Unread(spelled(name), example))
            elif not examples:
                waiting[at] = name
    return found[:_MOST_UNREAD], dict(islice(waiting.items(), _MOST_UNREAD))


def _is_dated(example: str) -> bool:
    return not example.isdigit() and looks_like_date(example)


def _opening(table: Table, layout: Layout) -> tuple[list[str], list[list[str]]]:
    """The header, and the first rows below it."""
    opening: list[list[str]] = []
    scratch = FileJournal(table.text.file.name, Budget(rows=1 << 30, rejected=0))
    # What cannot be read says so where it is read in earnest.
    with closing(table.records(scratch)) as records, contextlib.suppress(ListRefused):
        for _, row in islice(records, layout.header, layout.header + _FIRST_ROWS):
            opening.append(row)  # what was read before a refusal is kept
    return (opening[0], opening[1:]) if opening else ([], [])


def _rows(table: Table, layout: Layout, most_rows: int) -> Iterator[list[str]]:
    scratch = FileJournal(table.text.file.name, Budget(rows=most_rows, rejected=0))
    first = layout.header + 1
    with closing(table.records(scratch)) as records:
        for _, row in islice(records, first, first + most_rows):
            yield row


def _studied(table: Table, layout: Layout, study: TitleStudy, most_rows: int) -> Layout:
    """Return the layout with all titles of the file compared, and the order of its dates."""
    watched, titled = layout.columns[Column.WATCH_DATE], layout.columns[Column.TITLE]
    is_plain = Column.TYPE not in layout.columns and layout.no_viewing is None
    add = study.add
    dates: dict[str, None] = {}
    scratch = FileJournal(table.text.file.name, Budget(rows=most_rows, rejected=0))
    first = layout.header + 1
    for _, row in islice(table.records(scratch), first, first + most_rows):
        if watched < len(row) and len(row[watched]) <= _LONGEST:
            if len(dates) < _MOST_DIFFERENT:
                dates[row[watched]] = None
            if titled < len(row) and (is_plain or _is_viewing(row, layout)):
                add(row[titled], row[watched])
    order = find_order(dates) if layout.dates_vary else layout.date_order
    verdicts = study.judge(date_reader(order))
    doubt = verdicts.doubt if verdicts.has_doubts else None
    return replace(layout, date_order=order, not_a_film=verdicts.not_a_film, doubt=doubt)


def _is_viewing(row: Sequence[str], layout: Layout) -> bool:
    """Whether no other column says that nothing was watched."""
    kind = layout.columns.get(Column.TYPE)
    if kind is not None and kind < len(row) and not_a_film(row[kind]):
        return False
    return layout.no_viewing is None or layout.no_viewing(row) is None
