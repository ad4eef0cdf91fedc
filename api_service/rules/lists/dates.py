"""Dates as lists write them: with the year first, by a computer, or as one country does.

`03/04/2020` is March in one country and April in another. The whole file tells which, where any of
its dates has a day over 12, or where its rows are sorted; where nothing tells, it is not guessed.
"""

from __future__ import annotations

import re
from datetime import date
from enum import Enum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from api_service.rules.lists.cells import YEARS, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_ISO = re.compile(r"([0-9]{4})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{1,2})\.?(?:[T ].*)?")
# IMDb until 2017: `Sat Apr 23 08:36:35 2011`.
_CTIME = re.compile(r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) +([0-9]{1,2}) [0-9:]{8} ([0-9]{4})")
_NUMBERS = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4}|[0-9]{2})(?:[T ].*)?")
_MONTHS: Final = [
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
]
_CENTURY: Final = 69
"""Years of two digits are of 1969 to 2068, as POSIX reads them."""
_MOST_MONTHS: Final = 12
_FEWEST_SORTED: Final = 5
"""Dates that are not sorted by chance: one in sixty is."""


class DateOrder(Enum):
    """What comes first in a date that ends with the year."""

    DAY_FIRST = "day"
    MONTH_FIRST = "month"


@cache
def date_reader(order: DateOrder | None) -> Callable[[str], date | None]:
    """A reader of date cells, which raises ValueError for what is no date. Dates repeat."""

    @lru_cache(maxsize=16_384)
    def read_date(cell: str) -> date | None:
        return _read(cell, order)

    return read_date


def _read(cell: str, order: DateOrder | None) -> date | None:
    text = cell.strip()
    if not text:
        return None
    day: date | None = None
    if found := _ISO.fullmatch(text):
        day = _day(found[1], found[3], found[4])
    elif found := _NUMBERS.fullmatch(text):
        if order is None and int(found[1]) != int(found[3]):
            raise ValueError(
                f"{shown(cell)} may begin with the day or with the month, and nothing in the file "
                "tells which; not used (YYYY-MM-DD is always understood)"
            )
        day = _numbered(found, order or DateOrder.DAY_FIRST)
    elif (found := _CTIME.fullmatch(text)) and found[1] in _MONTHS:
        day = _day(found[3], _MONTHS.index(found[1]) + 1, found[2])
    if day and day.year in YEARS:
        return day
    raise ValueError(f"{shown(cell)} is not a date written as YYYY-MM-DD; not used")


def _day(year: str | int, month: str | int, day: str | int) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:  # such as 2021-02-30
        return None


def _numbered(found: re.Match[str], order: DateOrder) -> date | None:
    first, second, year = int(found[1]), int(found[3]), int(found[4])
    if len(found[4]) == 2:  # noqa: PLR2004  # digits
        year += 1900 if year >= _CENTURY else 2000
    if order is DateOrder.DAY_FIRST:
        return _day(year, second, first)
    return _day(year, first, second)


def looks_like_date(cell: str) -> bool:
    """Whether a cell is a date of one of these kinds, in whatever order."""
    text = cell.strip()
    return any(pattern.fullmatch(text) for pattern in (_ISO, _NUMBERS, _CTIME))


def find_order(cells: Iterable[str]) -> DateOrder | None:
    """Which order the dates of a file are written in; None where nothing tells, or they differ.

    Args:
        cells: date cells in the order of their rows; what is no such date is passed over.
    """
    dates = [found for cell in cells if (found := _NUMBERS.fullmatch(cell.strip()))]
    days = any(int(found[1]) > _MOST_MONTHS for found in dates)
    months = any(int(found[3]) > _MOST_MONTHS for found in dates)
    if days != months:
        return DateOrder.DAY_FIRST if days else DateOrder.MONTH_FIRST
    if days or not dates:
        return None
    if all(found[2] == "." for found in dates):  # nobody writes months first with full stops
        return DateOrder.DAY_FIRST
    if len(dates) < _FEWEST_SORTED:
        return None
    sorted_by = [order for order in DateOrder if _sorted([_numbered(d, order) for d in dates])]
    return sorted_by[0] if len(sorted_by) == 1 else None


def _sorted(days: Sequence[date | None]) -> bool:
    known = [day for day in days if day]
    return known in (sorted(known), sorted(known, reverse=True))
