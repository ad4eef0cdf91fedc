"""How far a list's title agrees with a film's: a ladder of kinds, and not a distance.

What each rule of the ladder was measured to win and to cost is in decision 0038.
"""

from __future__ import annotations

import re
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from enrich_service.matching.title_normalisation import (
    ARTICLES,
    has_numbered_part,
    in_plain_figures,
    is_later_part,
    is_renumbered,
    is_variant,
    normalise,
    significant_words,
)
from shared.lookup_keys import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from enrich_service.matching.asked_titles import AskedTitle

_SUBTITLE = re.compile(r"\s*:\s+|\s+[-\u2013\u2014]\s+|\s+or(?::\s+|\s+(?=\())|,\s+or:?\s+")
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s?\s+")
_FEWEST_TAIL_WORDS = 2
_FEWEST_WORDS_TO_REORDER = 3
_SHORTEST_WITH_SLIP = 5
_SHORTEST_WITH_WRONG_LETTER = 8
_SHORTEST_RESEMBLING = 12
_RESEMBLING = 85.0
_DECORATIONS: Final = frozenset({"3d", "3 d", "us", "u s", "usa", "the movie", "movie", "the film"})
_ACCOMPANY: Final = frozenset(
    {"making", "behind", "scenes", "bootleg", "featurette", "documentary", "trailer", "special"}
)


class Agreement(IntEnum):
    """How far two titles agree, best last."""

    NONE = 0
    RESEMBLING = 1
    """Several slips of the pen in a long title."""
    LONGER = 2
    """TMDB's title has a subtitle, or says besides that it is a film."""
    SHORTENED = 3
    """The list's title has a subtitle, or a name in front."""
    SLIP = 4
    """One letter is wrong, missing, doubled or swapped: no plural's."""
    REORDERED = 5
    """The same words in another order."""
    RENUMBERED = 6
    """The same but for how a number is written, or one that only one side has."""
    BRACKETED = 7
    """One of the names that the list has in brackets, or before them, is the film's."""
    VARIANT = 8
    """The same but for an article, an "and", a space, a figure used as a letter, a second name."""
    SAME = 9
    """The same title, or the same original title, in other notation: case, accents, numerals."""
    EXACT = 10
    """The display title itself, but for case and white space."""


def agreement(asked: AskedTitle, title: str, original_title: str | None) -> Agreement:
    """Say how far a list's title agrees with a film's title or original title."""
    if fold(title) in {fold(asked.text), fold(asked.whole)}:
        return Agreement.EXACT
    names = _names(title, original_title)
    if not {normalise(asked.text), normalise(asked.whole)}.isdisjoint(map(normalise, names)):
        return Agreement.SAME
    if any(is_variant(ours, name) for ours in (asked.text, *asked.names) for name in names):
        return Agreement.VARIANT
    parts = [any(is_variant(part, name) for name in names) for part in asked.bracketed]
    if any(parts):
        return Agreement.VARIANT if all(parts) else Agreement.BRACKETED
    return max(_loose_agreement(ours, name) for ours in asked.spelt for name in names)


def similarity(asked: AskedTitle, title: str, original_title: str | None) -> float:
    """Say how alike two titles look, 0 to 100: for ordering suggestions, never for choosing."""
    names = _names(title, original_title)
    return max(
        fuzz.token_sort_ratio(normalise(ours), normalise(name))
        for ours in {asked.text, *asked.spelt}
        for name in names
    )


def may_be_part_of_known(asked: AskedTitle, title: str, original_title: str | None) -> bool:
    """Whether the list's title without its subtitle is the film's: one that is known has others.

    "Watchmen: Tales of the Black Freighter" is not "Watchmen", released in its year. Where the
    subtitle begins with a number it is no other work: "Star Wars: Episode IV - A New Hope".
    """
    names = _names(title, original_title)
    return any(
        is_variant(head, name) and not has_numbered_part(_main_title(tail) or tail)
        for ours in asked.spelt
        for head, tail in _subtitled(ours)
        for name in names
    )


@lru_cache(maxsize=16_384)
def _loose_agreement(ours: str, name: str) -> Agreement:
    rules = (
        (Agreement.RENUMBERED, _is_renumbered),
        (Agreement.REORDERED, _is_reordered),
        (Agreement.SLIP, _is_slip),
        (Agreement.SHORTENED, _is_shortened),
        (Agreement.LONGER, _is_longer),
        (Agreement.RESEMBLING, _resembles),
    )
    return next((kind for kind, holds in rules if holds(ours, name)), Agreement.NONE)


def shortened_names(title: str) -> tuple[str, ...]:
    """Give the title without its subtitle, and what stands behind a name in front."""
    heads = [head for head, _ in _subtitled(title)[:1]]
    return (*heads, *list(_tails(title))[-1:])


def may_have_slip(title: str) -> bool:
    """Whether a title is long enough to be known in spite of a slip of the pen."""
    return len(normalise(title)) >= _SHORTEST_WITH_SLIP - 1


def _names(title: str, original_title: str | None) -> tuple[str, ...]:
    return (title, original_title) if original_title else (title,)


def _subtitled(title: str) -> list[tuple[str, str]]:
    """Each way to part a title from its subtitle, the shortest title first."""
    return [
        (title[: found.start()].strip(), title[found.end() :].strip())
        for found in _SUBTITLE.finditer(title)
        if title[: found.start()].strip() and title[found.end() :].strip()
    ]


def _main_title(title: str) -> str | None:
    parted = _subtitled(title)
    return parted[0][0] if parted else None


def _tails(title: str) -> Iterator[str]:
    """What stands behind a name in front, if it is long enough to be a title by itself."""
    tails = [tail for _, tail in _subtitled(title)]
    tails += [title[found.end() :] for found in _POSSESSIVE.finditer(title)]
    for tail in tails:
        if len(normalise(tail).split()) >= _FEWEST_TAIL_WORDS:
            yield tail


def _is_shortened(asked: str, name: str) -> bool:
    """Whether the film has the asked title without its subtitle, or without the name in front.

    A part's number that only one side has makes another film of it ("Kill Bill: Vol. 2"), except
    the first part, which is often the only one with the plain name ("Dune: Part One").
    """
    if any(
        is_variant(head, name) and not is_later_part(f"{_main_title(tail) or tail}")
        for head, tail in _subtitled(asked)
    ):
        return True
    return any(is_variant(tail, name) for tail in _tails(asked))


def _is_longer(asked: str, name: str) -> bool:
    """Whether the film has the asked title and a subtitle, or a word that says what it is."""
    for head, tail in _subtitled(name):
        if is_variant(asked, head):
            own = _ACCOMPANY.isdisjoint(normalise(tail).split())
            return own and not has_numbered_part(_main_title(tail) or tail)
    ours, theirs = normalise(asked), normalise(name)
    longer, shorter = (theirs, ours) if len(theirs) > len(ours) else (ours, theirs)
    return longer.startswith(f"{shorter} ") and longer.removeprefix(f"{shorter} ") in _DECORATIONS


def _is_renumbered(asked: str, name: str) -> bool:
    """Whether numbers differ in how they are written, or one stands on one side only.

    That one must have a subtitle behind it: "Prime Suspect 7: The Final Act" is told by the
    subtitle, "Rocky 2" by nothing but its number. A first part has no number often.
    """
    if is_renumbered(asked, name):
        return True
    ours, theirs = (in_plain_figures(title).split() for title in (asked, name))
    longer, shorter = (ours, theirs) if len(ours) > len(theirs) else (theirs, ours)
    if len(longer) != len(shorter) + 1:
        return False
    place = next((at for at, word in enumerate(shorter) if word != longer[at]), len(shorter))
    if longer[place + 1 :] != shorter[place:] or not longer[place].isdecimal() or not place:
        return False
    return len(longer[place + 1 :]) >= _FEWEST_TAIL_WORDS or longer[place:] == ["1"]


def _is_reordered(asked: str, name: str) -> bool:
    ours, theirs = significant_words(asked), significant_words(name)
    return len(ours) >= _FEWEST_WORDS_TO_REORDER and sorted(ours) == sorted(theirs)


def _is_slip(asked: str, name: str) -> bool:
    """Whether one slip of the pen separates them.

    A letter that is left out, doubled or swapped with the next seldom makes another title; one
    that is replaced by another, or put in, often does where it is short, or a word's first.
    """
    ours, theirs = normalise(asked), normalise(name)
    if min(len(ours), len(theirs)) < _SHORTEST_WITH_SLIP - 1:
        return False
    if OSA.distance(ours, theirs, score_cutoff=1) != 1 or _has_other_number_or_plural(ours, theirs):
        return False
    if max(len(ours), len(theirs)) < _SHORTEST_WITH_SLIP:
        return False
    if len(ours) < len(theirs) or sorted(ours) == sorted(theirs) or _is_doubled(ours, theirs):
        return True
    long_enough = min(len(ours), len(theirs)) >= _SHORTEST_WITH_WRONG_LETTER
    return long_enough and _initials(ours) == _initials(theirs)


def _is_doubled(ours: str, theirs: str) -> bool:
    """Whether the letter that is too many stands beside its like."""
    return any(
        ours[place] == ours[place + 1] and ours[:place] + ours[place + 1 :] == theirs
        for place in range(len(ours) - 1)
    )


def _resembles(asked: str, name: str) -> bool:
    """Whether a few slips of the pen separate them."""
    ours, theirs = normalise(asked), normalise(name)
    if min(len(ours), len(theirs)) < _SHORTEST_RESEMBLING or _initials(ours) != _initials(theirs):
        return False
    return fuzz.ratio(ours, theirs) >= _RESEMBLING and not _has_other_number_or_plural(ours, theirs)


def _initials(text: str) -> list[str]:
    return [word[0] for word in text.split() if word not in ARTICLES]


def _has_other_number_or_plural(ours: str, theirs: str) -> bool:
    """Whether a number or a plural makes them two."""
    if re.findall(r"\d+", ours) != re.findall(r"\d+", theirs):
        return True
    singular = [[_singular(word) for word in text.split()] for text in (ours, theirs)]
    return singular[0] == singular[1]


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
