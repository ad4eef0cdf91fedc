"""The feed of changes: which of the stand-in's films were changed on which days, as TMDB tells it.

The films stay as they are; a share of them is only said to have been changed, each day others.
TMDB's own share is about 5 in 1,000: 6,000 films a day of 1.24 million.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import crc32

from local_stack.tmdb.refusals import as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.catalogue import Catalogue

CHANGES_PAGE = 100
"""Entries on a page of changes, as TMDB's."""
LONGEST_RANGE = timedelta(days=14)
_PARTS = 1_000_000


@lru_cache(maxsize=32)
def changed_between(catalogue: Catalogue, share: float, start: date, end: date) -> Sequence[int]:
    """The ids of the films changed from the start of one day to the start of another, each once.

    Args:
        catalogue: whose films.
        share: of all films, that are changed on a day.
        start: the first day.
        end: the day after the last.
    """
    days = [start + timedelta(days=number) for number in range((end - start).days)]
    return [
        film.id
        for film in catalogue.films
        if any(_draw(day, film.id) < share * _PARTS for day in days)
    ]


def changes_page_of(ids: Sequence[int], number: int) -> bytes:
    """A page of changed films."""
    first = (number - 1) * CHANGES_PAGE
    return as_json(
        {
            "results": [
                {"id": film_id, "adult": False} for film_id in ids[first : first + CHANGES_PAGE]
            ],
            "page": number,
            "total_pages": -(-len(ids) // CHANGES_PAGE),
            "total_results": len(ids),
        }
    )


def _draw(day: date, film_id: int) -> int:
    return crc32(f"{day.isoformat()}/{film_id}".encode()) % _PARTS
