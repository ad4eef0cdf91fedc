"""Which films of an export are worth a row: the popular ones, and every namesake of theirs.

All of its films are held as numbers, twelve bytes each, and are sorted by their names' hashes into
parts, each of which is one transaction when it is written.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from hashlib import blake2b
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from enrich_service.storage.exports import ExportPart
from shared.lookup_keys import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from enrich_service.tmdb.export import ExportedFilm

PARTS: Final = 256
_PART_BITS: Final = 32
_REST_OF_NAME: Final = 2**_PART_BITS - 1
_LARGEST_REMEMBERED_ID: Final = 2**26
_STEPS: Final = 16
"""Steps in which popularity is counted, to a doubling of it."""


def name_hash(title: str) -> int:
    """Return the name under which a film of this original title is stored, a number of 40 bits.

    Of the title but for case and white space: a search prefers a film of that very title to others
    in other notation, so no namesake but of the same hash can rival it. A stranger of the same
    hash, which one title in a million meets, costs a request and nothing else.
    """
    digest = blake2b(fold(title).encode(errors="surrogatepass"), digest_size=5).digest()
    return int.from_bytes(digest)


class ExportedFilms:
    """The films of one export, gathered in any order."""

    def __init__(self) -> None:
        self._parts = [(array("I"), array("i"), array("f")) for _ in range(PARTS)]
        self._by_popularity: Counter[int] = Counter()
        self._ids = bytearray()
        self.count = 0

    def add(self, films: Iterable[ExportedFilm]) -> None:
        """Add films; of an adult one only the id is remembered.

        A video is a namesake, since searches show it, but it does not count as a popular film.
        """
        for film in films:
            self._remember(film.tmdb_id)
            if film.is_adult:
                continue
            name = name_hash(film.original_title)
            names, ids, popularities = self._parts[name >> _PART_BITS]
            names.append(name & _REST_OF_NAME)
            ids.append(film.tmdb_id)
            popularities.append(min(film.popularity, 3e38))
            if not film.is_video:
                self._by_popularity[_step(film.popularity)] += 1
            self.count += 1

    def has(self, tmdb_id: int) -> bool:
        """Return whether the export has a line with this id, as far as ids are remembered."""
        if tmdb_id >= len(self._ids) * 8:
            return True  # newer than the export
        return bool(self._ids[tmdb_id >> 3] & (1 << (tmdb_id & 7)))

    def parts(self, most_popular: int) -> Iterator[ExportPart]:
        """Yield the rows of every name that one of the most popular films has.

        Args:
            most_popular: about so many films, the most popular of all, are worth a row.
        """
        least = self._least_step(most_popular)
        for number, part in enumerate(self._parts):
            rows: list[tuple[int, int, float]] = []
            for _, bearers in groupby(sorted(zip(*part, strict=True)), key=itemgetter(0)):
                films = list(bearers)
                if any(_step(popularity) >= least for _, _, popularity in films):
                    rows += films
            lowest = number << _PART_BITS
            yield ExportPart(
                lowest,
                lowest + _REST_OF_NAME,
                [lowest + name for name, _, _ in rows],
                [tmdb_id for _, tmdb_id, _ in rows],
                [popularity for _, _, popularity in rows],
            )

    def _least_step(self, films: int) -> int:
        counted = 0
        for step, count in sorted(self._by_popularity.items(), reverse=True):
            counted += count
            if counted >= films:
                return step
        return min(self._by_popularity, default=0)

    def _remember(self, tmdb_id: int) -> None:
        if tmdb_id >= _LARGEST_REMEMBERED_ID:
            return
        place = tmdb_id >> 3
        if place >= len(self._ids):
            self._ids.extend(bytes(place + 1 - len(self._ids)))
        self._ids[place] |= 1 << (tmdb_id & 7)


def _step(popularity: float) -> int:
    return math.floor(math.log2(max(popularity, 1e-6)) * _STEPS)
