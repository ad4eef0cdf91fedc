"""Single cells: what a title, year, id or address may look like, and what it means.

Every function takes a cell's text; most raise ValueError with a message for the user. Years and
tags repeat, so these are cached. Dates and ratings, which differ by file, have rooms of their own.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

YEARS: Final = range(1870, 2101)
"""The years that anything here can be of."""

MOST_NORMALISED: Final = 1_500
"""Characters of a title that may become one of at most 500: the marks of a letter are sorted, and
what that takes grows with the square of their number."""
_MAX_ADDRESS: Final = 2_000
_SCHEMES: Final = ("https://", "http://")
_MAX_ID: Final = 2**31 - 1  # a PostgreSQL integer
_SHOWN: Final = 40
_MAX_COUNT: Final = 10_000

_FOUR_DIGITS = re.compile(r"(?<![0-9])[0-9]{4}(?![0-9])")
_TITLE_WITH_YEAR = re.compile(r"(.*\S)\s*\(([0-9]{4})\)")
_BRACKETED_YEAR = re.compile(r"\(([0-9]{4})\)|\[([0-9]{4})\]")
_WHOLE_NUMBER = re.compile(r"([0-9]{1,10})(?:\.0+)?")  # spreadsheets write whole numbers as 603.0
_IMDB_ID = re.compile(r"(?<![a-z0-9])tt([0-9]{5,10})(?![0-9])", re.IGNORECASE)
_YES = frozenset({"yes", "true", "y", "1", "x", "✓", "✔", "✅", "rewatch", "rewatched"})


def read_title(cell: str) -> str:
    """The title in NFC with white space collapsed; "" for a blank or invisible one.

    One of more than `MOST_NORMALISED` characters, which is none, is left as it is.
    """
    title = " ".join(cell.split())
    if not title.isascii() and len(title) <= MOST_NORMALISED:
        title = unicodedata.normalize("NFC", title)
        if not title.isprintable() and not any(map(str.isprintable, title.replace(" ", ""))):
            return ""
    # One string in place of two where nothing changed: titles are most of what reading holds.
    return cell if cell == title else title


def split_title(title: str) -> tuple[str, str]:
    """`The Thing (1982)` becomes `The Thing` and `1982`; the year is "" where there is none.

    A year at the very end is the year, else the first one, whatever follows: `[4K]`, `Criterion`.
    """
    if ")" not in title and "]" not in title:
        return title, ""
    # What most lists have, in less time.
    at_end = _TITLE_WITH_YEAR.fullmatch(title) if title.endswith(")") else None
    if at_end and int(at_end[2]) in YEARS:
        return at_end[1], at_end[2]
    years = [
        found
        for found in _BRACKETED_YEAR.finditer(title)
        if int(found[1] or found[2]) in YEARS and title[: found.start()].strip()
    ]
    if not years:
        return title, ""
    year = years[-1] if years[-1].end() == len(title) else years[0]
    return title[: year.start()].rstrip(), year[1] or year[2]


@lru_cache(maxsize=4_096)
def read_year(cell: str) -> int | None:
    """The year in a year (`1999`, `1999.0`, `(1999)`) or in a date with one (`31 March 1999`).

    Raises:
        ValueError: there is no year in it, or more than one, or not one from 1870 to 2100.
    """
    if not cell.strip():
        return None
    found = _FOUR_DIGITS.findall(cell)
    if len(found) != 1 or int(found[0]) not in YEARS:
        raise ValueError(
            f"{shown(cell)} is no year from {YEARS.start} to {YEARS.stop - 1}; read without a year"
        )
    return int(found[0])


def read_tmdb_id(cell: str) -> int | None:
    """A TMDB film id.

    Raises:
        ValueError: not a whole number from 1 to 2,147,483,647.
    """
    text = cell.strip()
    if not text:
        return None
    found = _WHOLE_NUMBER.fullmatch(text)
    if not found or not 0 < int(found[1]) <= _MAX_ID:
        raise ValueError(f"{shown(cell)} is no TMDB id, which is a whole number; not used")
    return int(found[1])


def read_imdb_id(cell: str) -> str | None:
    """An IMDb title id in lower case, also out of an IMDb address.

    A spreadsheet loses leading zeros, of which IMDb writes as many as make seven digits.

    Raises:
        ValueError: nothing like tt0133093 in it.
    """
    if not cell.strip():
        return None
    found = _IMDB_ID.search(cell)
    if not found:
        raise ValueError(f"{shown(cell)} is no IMDb title id such as tt0133093; not used")
    return f"tt{int(found[1]):07}"


def read_imdb_number(cell: str) -> str | None:
    """An IMDb title id that stands without its `tt`, as MovieLens writes it: `0114709`.

    Raises:
        ValueError: no number of up to ten digits, or 0.
    """
    text = cell.strip()
    found = _WHOLE_NUMBER.fullmatch(text)
    return read_imdb_id(f"tt{int(found[1]):07}" if found and int(found[1]) else text)


def read_count(cell: str) -> int:
    """A whole number, such as how often a film was watched; 0 for anything else."""
    found = _WHOLE_NUMBER.fullmatch(cell.strip())
    return min(int(found[1]), _MAX_COUNT) if found else 0


def read_address(cell: str) -> str:
    """A web address, or "" for a blank cell.

    Raises:
        ValueError: no http or https address, so no page could link to it safely, or too long.
    """
    text = cell.strip()
    if not text:
        return ""
    if (
        not (text.startswith(_SCHEMES) or text.lower().startswith(_SCHEMES))
        or len(text) > _MAX_ADDRESS
        or not text.isprintable()
        or " " in text
    ):
        raise ValueError(f"{shown(cell)} is no http or https address; not used")
    return text


def read_flag(cell: str) -> bool:
    """Whether a cell says yes."""
    return cell.strip().casefold() in _YES


@lru_cache(maxsize=4_096)
def split_tags(cell: str) -> tuple[str, ...]:
    """`noir, on-dvd` as two tags, white space collapsed, blank and repeated ones left out."""
    tags = dict.fromkeys(" ".join(tag.split()) for tag in cell.split(","))
    return tuple(tag for tag in tags if tag)


def shown(cell: str) -> str:
    """A cell as a message quotes it: shortened, on one line."""
    text = " ".join(cell.split())
    return f"“{text}”" if len(text) <= _SHOWN else f"“{text[:_SHOWN]}…”"
