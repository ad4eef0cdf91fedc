"""Which searches find the film that a title and year mean, likeliest first and only as needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from enrich_service.matching.title_normalisation import (
    halves,
    may_have_slip,
    read_asked,
    shortened_names,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class PlannedSearch:
    """One search to send: words, and the year of any release to narrow it to."""

    query: str
    year: int | None


def search_plan(title: str, year: int | None) -> Iterator[PlannedSearch]:
    """Yield the searches that a question may need, cheapest and likeliest first.

    The usual film costs one, a plain title that TMDB lacks two. TMDB's `year` fits any release, so
    the first search also finds films whose first release was the year before, and no crowd of
    namesakes pushes them off the page. Only when that settles nothing follow a search without year
    (films without a date, or a year that is one too low), and last the title without its subtitle,
    which can be accepted in the very year only. Ask `choose_match` with all results so far after
    each, and stop when its answer `is_final`.
    """
    asked = read_asked(title)
    known_year = asked.year if year is None else year
    names = (asked.text, *asked.names, *(asked.bracketed or ()))
    searches = [PlannedSearch(name, wanted) for wanted in (known_year, None) for name in names]
    if known_year is not None:
        searches += [PlannedSearch(name, known_year) for name in shortened_names(asked.text)]
    yield from dict.fromkeys(search for search in searches if search.query)


def neighbour_plan(title: str, year: int) -> Iterator[PlannedSearch]:
    """Yield the searches that show what a crowded page may hide: films of the years beside."""
    text = read_asked(title).text
    yield from (PlannedSearch(text, near) for near in (year - 1, year + 1) if text)


def slip_plan(title: str, year: int | None) -> Iterator[PlannedSearch]:
    """Yield the searches that find a title with a slip of the pen; it takes the year to accept it.

    A search does not forgive a wrong letter, but one half of the title has none.
    """
    asked = read_asked(title)
    known_year = asked.year if year is None else year
    if known_year is not None and may_have_slip(asked.text):
        yield from (PlannedSearch(half, known_year) for half in halves(asked.text))
