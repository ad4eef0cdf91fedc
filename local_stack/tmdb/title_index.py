"""Title search like TMDB's: each folded query word must begin a word of the title.

An inverted index: a search scans only titles with its rarest word, or those of the requested year
if they are fewer, never the whole catalogue.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "ð": "d",
        "ø": "o",
        "þ": "th",
        "đ": "d",
        "\u0131": "i",
        "ł": "l",
        "œ": "oe",
        "\u02bb": "",
        "&": " and ",
    }
)
"""Letters that Unicode does not decompose, one that is an apostrophe, and `&`."""
_NOT_WORD = re.compile(r"[\W_]+")
_PUNCTUATION = re.compile(r"[^\w\s]|_")


def folded_forms(title: str) -> tuple[str, ...]:
    """Return a title without case, accents and punctuation, in one or two forms.

    Punctuation separates words in the first form and is dropped in the second, if that differs:
    `WALL·E` gives `wall e` and `walle`, `L'Atalante` gives `l atalante` and `latalante`. A title
    of punctuation only is kept as is.
    """
    lowered = title.casefold().translate(_LETTERS)
    if lowered.isascii():
        bare = lowered
    else:
        decomposed = unicodedata.normalize("NFKD", lowered)
        letters = (letter for letter in decomposed if not unicodedata.combining(letter))
        bare = "".join(letters).casefold()
    parted = " ".join(_NOT_WORD.sub(" ", bare).split())
    if not parted:
        return ("".join(title.split()).casefold(),)
    joined = " ".join(_PUNCTUATION.sub("", bare).split())
    return (parted,) if joined in {parted, ""} else (parted, joined)


@dataclass(frozen=True, slots=True)
class IndexedTitle:
    """The indexed data of an entry: every title, every year, and the first year."""

    titles: tuple[str, ...]
    years: frozenset[int]
    first_year: int | None


class TitleIndex:
    """Title search over entries that are given best first and identified by position."""

    def __init__(self, entries: Iterable[IndexedTitle]) -> None:
        self._forms: list[tuple[str, ...]] = []
        self._first_years: list[int | None] = []
        self._by_year: dict[int, array[int]] = {}
        postings: dict[str, array[int]] = {}
        for position, entry in enumerate(entries):
            forms = dict.fromkeys(form for title in entry.titles for form in folded_forms(title))
            # With a leading space, a substring test finds the beginning of a word.
            self._forms.append(tuple(f" {form}" for form in forms))
            self._first_years.append(entry.first_year)
            for word in {word for form in forms for word in form.split()}:
                postings.setdefault(word, array("I")).append(position)
            for year in entry.years:
                self._by_year.setdefault(year, array("I")).append(position)
        self._words = sorted(postings)
        self._postings = [postings[word] for word in self._words]
        self._totals = [0, *accumulate(len(posting) for posting in self._postings)]

    def search(
        self, query: str, *, year: int | None = None, first_year: int | None = None
    ) -> list[int]:
        """Return the positions of entries with a title in which each query word begins a word.

        Args:
            query: words in any order, ignoring case and accents.
            year: keep entries that have this among their years.
            first_year: keep entries whose first year is this.

        Returns:
            Exact titles first, and best first within both parts.
        """
        forms = folded_forms(query)
        found: set[int] = set()
        for form in forms:
            if words := form.split():
                found.update(self._holding(words, year, first_year))
        wanted = {f" {form}" for form in forms}
        exact = {position for position in found if wanted.intersection(self._forms[position])}
        return sorted(exact) + sorted(found - exact)

    def _holding(
        self, words: Sequence[str], year: int | None, first_year: int | None
    ) -> Iterable[int]:
        found = self._candidates(words, first_year if year is None else year)
        if year is not None:
            found = filter(set(self._by_year.get(year, ())).__contains__, found)
        if first_year is not None:
            found = (position for position in found if self._first_years[position] == first_year)
        beginnings = [f" {word}" for word in words]
        return (
            position
            for position in found
            if any(all(word in form for word in beginnings) for form in self._forms[position])
        )

    def _candidates(self, words: Sequence[str], year: int | None) -> Iterable[int]:
        """Return the smallest set of positions that includes every result."""
        ranges = [self._word_range(word) for word in words]
        first, last = min(ranges, key=lambda ends: self._totals[ends[1]] - self._totals[ends[0]])
        in_year = None if year is None else self._by_year.get(year, ())
        if in_year is not None and len(in_year) < self._totals[last] - self._totals[first]:
            return in_year
        return (position for posting in self._postings[first:last] for position in posting)

    def _word_range(self, prefix: str) -> tuple[int, int]:
        first = bisect_left(self._words, prefix)
        return first, bisect_left(self._words, f"{prefix}\U0010ffff", lo=first)
