"""What a number in a workbook is by its format: a date, a time, a percentage or only a number.

From ECMA-376 (Office Open XML), Part 1: 18.8.30 (number formats, the built-in ones among them),
18.17.4.1 (dates in both epochs). Workbooks keep dates as days since an epoch. The epoch of 1900
counts a 29 February 1900, which never was.
"""

from __future__ import annotations

import math
import re
from datetime import date, timedelta
from enum import Enum
from typing import Final

_DATE_IDS: Final = frozenset((*range(14, 18), 22, *range(27, 37), *range(50, 59)))
_TIME_IDS: Final = frozenset((*range(18, 22), 45, 46, 47))
_PERCENT_IDS: Final = frozenset((9, 10))
_LONGEST: Final = 255
"""Characters of a format's code, as Excel has it."""
_ELAPSED = re.compile(r"\[(?:h+|m+|s+)\]", re.IGNORECASE)
_NO_SIGNS = re.compile(r'"[^"]*"|\\.|[_*].|\[[^\]]*\]|am/pm|a/p|general', re.IGNORECASE)
_BEFORE_1900: Final = date(1899, 12, 30)
_BEFORE_1904: Final = date(1904, 1, 1)
_NO_SUCH_DAY: Final = 60
_LAST: Final = 2_958_466
"""Days up to the end of the year 9999."""
_DAY: Final = 86_400
_MOST_DIGITS: Final = 15
_LONGEST_NUMBER: Final = 40


class NumberKind(Enum):
    """What a number is."""

    PLAIN = "plain"
    DATE = "date"
    TIME = "time"
    PERCENT = "percent"


def kind_of_id(number: int, codes: dict[int, str]) -> NumberKind:
    """What numbers of a format are, by its id and the codes that the workbook defines."""
    if number in codes:
        return kind_of_code(codes[number])
    if number in _DATE_IDS:
        return NumberKind.DATE
    if number in _TIME_IDS:
        return NumberKind.TIME
    return NumberKind.PERCENT if number in _PERCENT_IDS else NumberKind.PLAIN


def kind_of_code(code: str) -> NumberKind:
    """What numbers of a format are, by its code, such as `dd/mm/yyyy;@`."""
    code = code[:_LONGEST]
    is_elapsed = _ELAPSED.search(code) is not None
    signs = _NO_SIGNS.sub("", code.partition(";")[0]).casefold()
    if "y" in signs or "d" in signs:
        return NumberKind.DATE
    if is_elapsed or "h" in signs or "s" in signs:
        return NumberKind.TIME
    if "m" in signs:
        return NumberKind.DATE
    return NumberKind.PERCENT if "%" in signs else NumberKind.PLAIN


def number_text(stored: str, kind: NumberKind, *, from_1904: bool) -> str:
    """A number as its cell shows it, but dates in ISO's form.

    What is no number, or no day of any year, stays as it is stored.
    """
    number = _number(stored)
    if number is None:
        return stored
    if kind is NumberKind.PERCENT:
        return f"{_plain(round(number * 100, 10))}%"
    if kind is NumberKind.PLAIN or not 0 <= number < _LAST:
        return _plain(number)
    return _moment(number, kind, from_1904=from_1904)


def _moment(number: float, kind: NumberKind, *, from_1904: bool) -> str:
    seconds = round(number * _DAY)
    days, seconds = divmod(seconds, _DAY)
    time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    if kind is NumberKind.TIME and not days:
        return time
    day = _day(days, from_1904=from_1904)
    if day is None:
        return _plain(number)
    return f"{day.isoformat()} {time}" if seconds else day.isoformat()


def _number(stored: str) -> float | None:
    try:
        number = float(stored) if len(stored) <= _LONGEST_NUMBER else math.inf
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _day(days: int, *, from_1904: bool) -> date | None:
    try:
        if from_1904:
            return _BEFORE_1904 + timedelta(days)
        if days == _NO_SUCH_DAY:
            return None
        return _BEFORE_1900 + timedelta(days + 1 if days < _NO_SUCH_DAY else days)
    except OverflowError:
        return None


def _plain(number: float) -> str:
    """As many digits as spreadsheets keep; whole numbers without a point."""
    if number.is_integer() and abs(number) < 10**_MOST_DIGITS:
        return str(int(number))
    return f"{number:.{_MOST_DIGITS}g}"
