"""Dates as lists write them: with the year first, by a computer, or as one country does.

`03/04/2020` is March in one country and April in another. The whole file tells which, where any of
its dates has a day over 12, or where its rows are sorted; where nothing tells, it is not guessed.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from api_service.lists.values.cells import YEARS, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_ISO = re.compile(r"([0-9]{4})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{1,2})\.?(?:[T ,].*)?")
_NUMBERS = re.compile(r"([0-9]{1,2})([-/.]) ?([0-9]{1,2})\2 ?([0-9]{4}|[0-9]{2})\.?(?:[T ,].*)?")
_CHARACTERS = re.compile(r"([0-9]{4})[年년] ?([0-9]{1,2})[月월] ?([0-9]{1,2})[日일].*")
_EPOCH = re.compile(r"([0-9]{9,10})(?:\.[0-9]+)?|([0-9]{12,13})(?:\.0+)?|([0-9]{15,16})")
_PARTS = re.compile(r"[^\W\d_]+|[0-9:]+")
_MOST_NAMED: Final = 80
"""Characters of a date with a month's name in it, zone and all: what follows says no more."""
_CENTURY: Final = 69
"""Years of two digits are of 1969 to 2068, as POSIX reads them."""
_MOST_MONTHS: Final = 12
_FEWEST_SORTED: Final = 5
"""Dates that are not sorted by chance: one in sixty is."""


_LANGUAGES: Final = (
    "january february march april may june july august september october november december",
    "januar februar märz april mai juni juli august september oktober november dezember",
    "januari februari maart april mei juni juli augustus september oktober november december",
    "januari februari mars april maj juni juli augusti september oktober november december",
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    (
        "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października "
        "listopada grudnia"
    ),
    "ledna února března dubna května června července srpna září října listopadu prosince",
    "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık",  # noqa: RUF001  # Turkish
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
)
_SHORTEST_MONTH: Final = 3


def _plain_word(word: str) -> str:
    return "".join(filter(str.isalpha, unicodedata.normalize("NFKD", word.casefold())))


def _month_names() -> dict[str, int]:
    """Every beginning of a month's name that means one month in all these languages."""
    found: dict[str, set[int]] = {}
    for language in _LANGUAGES:
        for number, name in enumerate(language.split(), 1):
            word = _plain_word(name)
            for end in range(_SHORTEST_MONTH, len(word) + 1):
                found.setdefault(word[:end], set()).add(number)
    return {word: numbers.pop() for word, numbers in found.items() if len(numbers) == 1}


_MONTHS: Final = _month_names()


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
    elif found := _EPOCH.fullmatch(text):
        day = _since_epoch(found)
    elif found := _CHARACTERS.fullmatch(text):
        day = _day(found[1], found[2], found[3])
    else:
        day = _named(text)
    if day and day.year in YEARS:
        return day
    raise ValueError(f"{shown(cell)} is not a date written as YYYY-MM-DD; not used")


def _since_epoch(found: re.Match[str]) -> date | None:
    """The day of so many seconds, or thousandths or millionths of one, since 1970 in UTC."""
    seconds = int(found[1] or 0) or int(found[2] or 0) // 1_000 or int(found[3]) // 1_000_000
    return datetime.fromtimestamp(seconds, UTC).date()


def _named(text: str) -> date | None:
    """A day whose month has a name: `9 March 2024`, `Mar 09 2024, 21:54`, `Sat Mar 09 2024 …`."""
    month = 0
    numbers: list[str] = []
    before = ""  # the first number, where it stands before the month
    for part in _PARTS.findall(text[:_MOST_NAMED]):
        if part[0].isalpha():
            named = _MONTHS.get(_plain_word(part), 0)
            if named and not month:
                month, before = named, "".join(numbers)
        elif ":" not in part:
            numbers.append(part)
        if month and len(numbers) == 2:  # noqa: PLR2004  # day and year
            first, second = numbers
            if len(first) == 4:  # noqa: PLR2004  # digits of a year
                return _day(first, month, second)
            return _day(_full_year(second), month, first) if before in {"", first} else None
    return None


def _day(year: str | int, month: str | int, day: str | int) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except (ValueError, OverflowError):  # such as 2021-02-30, or a day of twenty digits
        return None


def _numbered(found: re.Match[str], order: DateOrder) -> date | None:
    first, second, year = int(found[1]), int(found[3]), _full_year(found[4])
    if order is DateOrder.DAY_FIRST:
        return _day(year, second, first)
    return _day(year, first, second)


def _full_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 2:  # noqa: PLR2004  # digits
        year += 1900 if year >= _CENTURY else 2000
    return year


def is_numbered(cell: str) -> bool:
    """Whether a cell is a date of which only the whole file may tell what its first number is."""
    return _NUMBERS.fullmatch(cell.strip()) is not None


def looks_like_date(cell: str) -> bool:
    """Whether a cell is a date of one of these kinds, in whatever order."""
    text = cell.strip()
    if any(pattern.fullmatch(text) for pattern in (_ISO, _NUMBERS, _EPOCH, _CHARACTERS)):
        return True
    return len(text) <= _MOST_NAMED and _named(text) is not None


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


def agree(own: DateOrder | None, others: Iterable[DateOrder | None]) -> DateOrder | None:
    """The order of a column: what its own cells tell, else what all other columns agree on."""
    told = {order for order in others if order}
    return own or (told.pop() if len(told) == 1 else None)


def _sorted(days: Sequence[date | None]) -> bool:
    known = [day for day in days if day]
    return known in (sorted(known), sorted(known, reverse=True))
