"""Ratings of any scale as stars, half a star to five, with what the user gave kept beside them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from api_service.rules.lists.cells import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SCALES: Final = (5, 10, 100)
"""What ratings are given out of."""

_STARS: Final = 5
_RATING = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?)(?: ?/ ?(5|10|100))?")


class Rating(NamedTuple):
    """A rating in stars, and as it was given: `9/10`."""

    stars: Decimal
    original: str


@cache
def rating_reader(out_of: int) -> Callable[[str], Rating | None]:
    """A reader of rating cells, which raises ValueError for what is no rating. Ratings repeat."""

    @lru_cache(maxsize=1_024)
    def read_rating(cell: str) -> Rating | None:
        return _read(cell, out_of)

    return read_rating


def _read(cell: str, out_of: int) -> Rating | None:
    text = cell.strip().replace(",", ".")
    if not text:
        return None
    found = _RATING.fullmatch(text)
    if found:
        given, scale = Decimal(found[1]), int(found[2] or out_of)
        if 0 < given <= scale:
            halves = (given * 2 * _STARS / scale).quantize(Decimal(1), ROUND_HALF_UP)
            return Rating(max(halves, Decimal(1)) / 2, f"{_plain(given)}/{scale}")
    raise ValueError(f"{shown(cell)} is not a rating from 0.5 to {out_of}; not used")


def _plain(given: Decimal) -> str:
    return f"{given:f}".rstrip("0").rstrip(".") if "." in f"{given:f}" else f"{given:f}"


def find_scale(cells: Iterable[str]) -> int:
    """Out of how much the ratings of a file are.

    Out of 100 where most of the different ones are over 10, so that one slip of the pen does not
    change what all the others mean; else out of 10 where one is over 5.
    """
    found = [_RATING.fullmatch(cell.strip().replace(",", ".")) for cell in cells]
    given = [Decimal(match[1]) for match in found if match and not match[2]]
    five, ten, hundred = SCALES
    if sum(ten < rating <= hundred for rating in given) * 2 > len(given):
        return hundred
    return ten if any(five < rating <= ten for rating in given) else five
