"""Ratings of any scale as stars, half a star to five, with what the user gave kept beside them."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from api_service.lists.values.cells import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SCALES: Final = (5, 10, 100)
"""What ratings are given out of."""

_STARS: Final = 5
_HALF: Final = Decimal("0.5")
_LONGEST: Final = 40
"""Characters of a rating in words or signs."""
_HALVES: Final = ("½", "1/2", ".5")
_FULL = re.compile("[★⭐🌟✭✮✯*]")
_EMPTY = re.compile("[☆✩✰]")
_SIGNS = re.compile(r"[★⭐🌟✭✮✯*]+(?:½|1/2|\.5|⯨|⯪)?[☆✩✰]*")
_PER_CENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,4})?) ?(?:%|per ?cent|percent)", re.IGNORECASE)
_WITH_STARS = re.compile(
    r"([0-9]{1,2}(?:\.[0-9]{1,4})?)? ?(½)? ?(?:[★⭐🌟*]\ufe0f?|stars?|sterne?|étoiles?|estrellas?|"
    r"stelle|estrelas|pts?|points?)? ?(?:(?:/|out of|of|von|sur|de|su) ?(5|10|100)"
    r"(?: ?(?:[★⭐🌟*]\ufe0f?|stars?))?)?",
    re.IGNORECASE,
)
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
    given, scale = (Decimal(found[1]), int(found[2] or out_of)) if found else _in_words(text)
    if 0 < given <= scale:
        halves = (given * 2 * _STARS / scale).quantize(Decimal(1), ROUND_HALF_UP)
        return Rating(max(halves, Decimal(1)) / 2, f"{_plain(given)}/{scale}")
    raise ValueError(f"{shown(cell)} is not a rating from 0.5 to {out_of}; not used")


def _in_words(text: str) -> tuple[Decimal, int]:
    """What is given in stars, signs or words, or in per cent, out of how much; 0 for no rating."""
    if len(text) > _LONGEST:
        return Decimal(0), _STARS
    if found := _PER_CENT.fullmatch(text):
        return Decimal(found[1]), 100
    if found := _WITH_STARS.fullmatch(text):
        given = Decimal(found[1] or 0) + (_HALF if found[2] else 0)
        scale = int(found[3] or (_STARS if given <= _STARS else 10))
        return (given, scale) if scale in SCALES else (Decimal(0), _STARS)
    signs = text.replace("\ufe0f", "").replace(" ", "")
    stars = _FULL.findall(signs)
    if stars and _SIGNS.fullmatch(signs):
        half = _HALF if any(sign in signs for sign in _HALVES) else 0
        given, empty = Decimal(len(stars)) + half, len(_EMPTY.findall(signs))
        shown_of = given.to_integral_value(ROUND_UP) + empty
        return given, _STARS if shown_of <= _STARS else 10
    return Decimal(0), _STARS


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
