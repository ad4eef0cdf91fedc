"""The searches that a title may need, in the order in which they are worth their requests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from enrich_service.matching.asked_titles import read_asked
from enrich_service.matching.title_agreement import may_have_slip, shortened_names
from enrich_service.matching.title_normalisation import (
    ARTICLES,
    in_plain_figures,
    normalise,
    significant_words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_BETWEEN_WORDS = re.compile(r"[^\w'\u2019.!?]+|_+")
_SHORTEST_PART = 3
_LONG_ENOUGH_WITHOUT_YEAR = 5
_MOST_JOINED = 3
_EARLY = 3


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
    # Few titles are written with their other names, so each of these is searched for before all.
    names = (*asked.spelt, *asked.bracketed, asked.text)
    searches = [PlannedSearch(name, wanted) for wanted in (known_year, None) for name in names]
    if known_year is not None:
        searches += [
            PlannedSearch(name, known_year)
            for spelt in asked.spelt
            for name in shortened_names(spelt)
        ]
    yield from dict.fromkeys(search for search in searches if search.query)


def neighbour_plan(title: str, year: int) -> Iterator[PlannedSearch]:
    """Yield the searches that show what a crowded page may hide: films of the years beside."""
    text = read_asked(title).spelt[0]
    yield from (PlannedSearch(text, near) for near in (year - 1, year + 1) if text)


def slip_plan(title: str, year: int | None) -> Iterator[PlannedSearch]:
    """Yield the searches that find a title spelt otherwise; it takes the year to accept it.

    A search does not forgive a wrong letter or another numeral, but a part of the title has none.
    """
    asked = read_asked(title)
    known_year = asked.year if year is None else year
    text = asked.spelt[0]
    if known_year is None or not may_have_slip(text):
        return
    halves = list(_halves(text))
    numberless = [query for name in (text, *shortened_names(text)) for query in _numberless(name)]
    queries = [*halves, *numberless, *_joined(text), *_undone(text)]
    yield from (PlannedSearch(query, known_year) for query in dict.fromkeys(queries))
    # The year may be off as well, and an article may be one that TMDB has not.
    anywhen = [half for half in halves if len(half) >= _LONG_ENOUGH_WITHOUT_YEAR]
    yield from (PlannedSearch(query, None) for query in (*_bare(text), *anywhen))


def _numberless(title: str) -> Iterator[str]:
    """The title without its numbers, however they are spelt, if something is left of it."""
    words = normalise(title).split()
    numbers = [in_plain_figures(word)[:1].isdecimal() for word in words]
    joins = [
        word == "and" and at > 0 and all(numbers[at - 1 : at + 2 : 2])
        for at, word in enumerate(words)
    ]
    kept = [word for word, *drop in zip(words, numbers, joins, strict=True) if not any(drop)]
    if len(kept) < len(words) and len("".join(kept)) >= _SHORTEST_PART:
        yield " ".join(kept)


def _halves(title: str) -> Iterator[str]:
    """The words of a title in two parts, of which one is free of a single slip.

    What is too short to narrow a search, or nothing but an article, is left out.
    """
    words = _BETWEEN_WORDS.split(title)
    cuts = [(" ".join(words[:end]), " ".join(words[end:])) for end in range(1, len(words))]
    useful = [cut for cut in cuts if all(map(_narrows, cut))] or cuts
    if useful:
        halves = min(useful, key=lambda cut: abs(len(cut[0]) - len(cut[1])))
        yield from (half for half in halves if _narrows(half))


def _narrows(query: str) -> bool:
    """Whether a search for it alone leaves few enough films."""
    if ARTICLES.issuperset(normalise(query).split()):
        return False
    return len(query) >= _SHORTEST_PART or query.isdecimal()


def _joined(title: str) -> Iterator[str]:
    """The title as one word: "Old Boy" is "Oldboy"."""
    words = normalise(title).split()
    if 1 < len(words) <= _MOST_JOINED and not ARTICLES.intersection(words):
        yield "".join(words)


def _bare(title: str) -> Iterator[str]:
    """The title without the article in front, if there is one."""
    first, _, rest = normalise(title).partition(" ")
    if first in ARTICLES and _narrows(rest):
        yield rest


def _undone(title: str) -> Iterator[str]:
    """The only word of a title that could narrow a search, with each slip undone in its beginning.

    A search takes a word's beginning for the word, so a slip is as good as undone behind it.
    """
    *others, word = sorted(significant_words(title), key=lambda one: (one.isalpha(), len(one)))
    if any(map(_narrows, others)):
        return
    for length in (len(word) // 2, _SHORTEST_PART):
        if length >= _SHORTEST_PART:
            yield word[:length]
    for place in range(min(_EARLY, len(word) - 1) if word.isalpha() else 0):
        before, first, second, after = (
            word[:place], word[place], word[place + 1], word[place + 2 :]
        )  # fmt: skip
        yield before + second + (after if first == second else first + after)
