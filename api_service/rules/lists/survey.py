"""What only a whole file tells: out of how much its ratings are, how it writes its dates, what a
blank means beside filled cells, and which columns are not read.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from api_service.rules.lists.dates import agree, find_order, is_numbered, looks_like_date
from api_service.rules.lists.headers import is_telling
from api_service.rules.lists.model import Column, Unread
from api_service.rules.lists.ratings import find_scale
from api_service.rules.lists.report import Budget, FileJournal
from api_service.rules.lists.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from api_service.rules.lists.dates import DateOrder
    from api_service.rules.lists.model import Layout
    from api_service.rules.lists.tables import Table

_LONGEST: Final = 40
"""Characters of a cell that could be a date or a rating."""
_MOST_DIFFERENT: Final = 100_000
"""Dates or ratings after which more of them would tell nothing new."""
_FIRST_ROWS: Final = 10
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
    if rated is not None or states:
        for row in _rows(table, layout, most_rows):
            if rated is not None and rated < len(row) and len(row[rated]) <= _LONGEST:
                ratings[row[rated]] = None
                if len(ratings) >= _MOST_DIFFERENT:
                    break
            if len(filled) < len(states):
                filled.update(at for at in states if at < len(row) and row[at].strip())
            elif rated is None:
                break
    order = layout.date_order
    if layout.dates_vary:
        orders = find_orders(table, layout, most_rows)
        order = orders.get(layout.columns.get(Column.WATCH_DATE, COMMON), orders[COMMON])
    return replace(
        layout,
        date_order=order,
        rating_out_of=layout.rating_out_of or find_scale(ratings),
        blanks_tell=_blanks_tell(layout, filled),
        unread=_unread(table, layout, most_rows),
    )


def _columns_with_blanks(layout: Layout) -> list[int]:
    """The columns of which a blank may say that a film was not seen."""
    if not layout.blanks_may_tell:
        return []
    named = (Column.STATE, Column.SEEN, Column.WATCH_DATE)
    return [layout.columns[column] for column in named if column in layout.columns]


def _blanks_tell(layout: Layout, filled: set[int]) -> State | None:
    """What a row states that has nothing in a column in which others have something."""
    told = {column for column, at in layout.columns.items() if at in filled}
    if Column.STATE in told or Column.SEEN in told:
        return State.UNSEEN
    return State.PLANNED if Column.WATCH_DATE in told else None


def find_orders(table: Table, layout: Layout, most_rows: int) -> Mapping[int, DateOrder | None]:
    """In which order each column writes its dates, where it has such that only the file tells.

    One cell with a day over 12 decides for its column; for the others, too, unless two contradict
    each other.

    Raises:
        ListRefused: the file cannot be read to its end.
    """
    header = _header(table, layout)
    dated = [
        at
        for at, name in enumerate(header)
        if at in layout.columns.values() or is_telling(name) or "release" in name.casefold()
    ]
    dates: dict[int, dict[str, None]] = {at: {} for at in dated}
    room = _MOST_DIFFERENT
    for row in _rows(table, layout, most_rows):
        for at in dated:
            if at < len(row) and 0 < len(row[at]) <= _LONGEST and row[at] not in dates[at]:
                if is_numbered(row[at]):
                    dates[at][row[at]] = None
                    room -= 1
        if room <= 0:
            break
    own = {at: find_order(cells) for at, cells in dates.items()}
    common = agree(None, own.values())
    return {at: order or common for at, order in own.items()} | {COMMON: common}


def _unread(table: Table, layout: Layout, most_rows: int) -> list[Unread]:
    """The columns that look as if they told something, are not read, and are not blank."""
    if not layout.names_unread:
        return []
    used = {
        *layout.columns.values(),
        *(at for places in layout.further.values() for at in places),
        *(at for at, _, _ in layout.rules),
        *([layout.joined_by] if layout.joined_by is not None else ()),
    }
    header = _header(table, layout)
    left = [at for at, name in enumerate(header) if at not in used and name.strip()]
    examples = _examples(table, layout, left, most_rows)
    spelled = getattr(table, "spelling", lambda name: name)
    found = []
    for at in left:
        example = examples.get(at, "").strip()
        if example and (is_telling(spelled(header[at])) or _is_dated(example)):
            found.append(Unread(spelled(header[at]), example))
    return found[:_MOST_UNREAD]


def _is_dated(example: str) -> bool:
    return not example.isdigit() and looks_like_date(example)


def _examples(
    table: Table, layout: Layout, columns: Sequence[int], most_rows: int
) -> dict[int, str]:
    """The first cell of each column that is not blank."""
    known = getattr(table, "examples", None)
    if known is not None:
        header = _header(table, layout)
        return {at: known.get(header[at], "") for at in columns}
    found: dict[int, str] = {}
    waiting = list(columns)
    for number, row in enumerate(_rows(table, layout, most_rows)):
        if number == _FIRST_ROWS:  # the whole file is read only for what looks worth it
            header = _header(table, layout)
            waiting = [at for at in waiting if is_telling(header[at])]
        for at in waiting:
            if at < len(row) and row[at].strip():
                found[at] = row[at][:_LONGEST_EXAMPLE]
        if found:
            waiting = [at for at in waiting if at not in found]
        if not waiting:
            break
    return found


def _header(table: Table, layout: Layout) -> list[str]:
    scratch = FileJournal(table.text.file.name, Budget(rows=1 << 30, rejected=0))
    with closing(table.records(scratch)) as records:
        return next(islice(records, layout.header, None))[1]


def _rows(table: Table, layout: Layout, most_rows: int) -> Iterator[list[str]]:
    scratch = FileJournal(table.text.file.name, Budget(rows=most_rows, rejected=0))
    first = layout.header + 1
    with closing(table.records(scratch)) as records:
        for _, row in islice(records, first, first + most_rows):
            yield row
