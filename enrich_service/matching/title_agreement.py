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
    COUNTED,
    has_numbered_part,
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
_IN_BRACKETS = re.compile(r"^(?P<head>.*\S)\s+\((?P<tail>[^()]+)\)$")
# Numerals above twenty stay as they are, and so do those behind a letter of another script.
_NUMBERS = re.compile(r"\d+|(?:\b|(?<=[^\x00-\x7f]))[ivxl]+\b")
_NUMERAL = re.compile(r"\d+|[ivx]")
_POSSESSIVE = re.compile(r"(?<=\w)['\u2019]s?\s+")
_FEWEST_TAIL_WORDS = 2
_FEWEST_WORDS_TO_REORDER = 3
_SHORTEST_SUBTITLE = 6
_SHORTEST_WITH_SLIP = 5
_SHORTEST_WITH_WRONG_LETTER = 8
_SHORTEST_RESEMBLING = 12
_RESEMBLING = 85.0
_DECORATIONS: Final = frozenset(
    {"3d", "3 d", "us", "u s", "usa", "movie", "the movie", "the film", "the motion picture"}
)
_ACCOMPANY: Final = frozenset(
    {"making", "behind", "scenes", "bootleg", "featurette", "documentary", "trailer", "special"}
)

_OTHER_WORKS: Final = frozenset(
    {
        "series", "tv", "tv series", "tv movie", "tv special", "miniseries", "mini series",
        "tv mini series", "live", "concert", "pilot", "short", "short film", "remake", "fan film",
    }
)  # fmt: skip
"""What a list says in brackets of another work than the film that everybody knows by the title."""


class Agreement(IntEnum):
    """How far two titles agree, best last."""

    NONE = 0
    RESEMBLING = 1
    """A letter is wrong, or a few in a long title."""
    LONGER = 2
    """TMDB's title has a subtitle, or says besides that it is a film."""
    SHORTENED = 3
    """The list's title has a subtitle, or a name in front."""
    SLIP = 4
    """One letter is missing, doubled or swapped with the next: no plural's."""
    REORDERED = 5
    """The same words in another order."""
    UNNUMBERED = 6
    """The same but for a number that only one side has."""
    RENUMBERED = 7
    """The same but for how a number is written."""
    BRACKETED = 8
    """One of the names that the list has in brackets, or before them, is the film's."""
    VARIANT = 9
    """The same but for an article, an "and", a space, a figure used as a letter, a second name."""
    SAME = 10
    """The same title, or the same original title, in other notation: case, accents, numerals."""
    EXACT = 11
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
    if in_brackets := _agreement_in_brackets(asked, names):
        return in_brackets
    return max(_loose_agreement(ours, name) for ours in asked.spelt for name in names)


def _agreement_in_brackets(asked: AskedTitle, names: tuple[str, ...]) -> Agreement:
    if len(asked.bracketed) > 1 and any(is_variant(asked.unmoved, name) for name in names):
        return Agreement.VARIANT
    parts = [any(is_variant(part, name) for name in names) for part in asked.bracketed]
    if not any(parts):
        return Agreement.NONE
    if all(parts):
        return Agreement.VARIANT
    return Agreement.SHORTENED if _may_be_remark(asked, parts) else Agreement.BRACKETED


def _may_be_remark(asked: AskedTitle, fits: list[bool]) -> bool:
    """Whether what is in brackets may say what the film is, and be no name: "(Live)", "(Pilot)".

    A single word may be the title of a film of that year by chance.
    """
    if fits[0]:
        return any(normalise(name) in _OTHER_WORKS for name in asked.bracketed[1:])
    names = [normalise(name) for name, fit in zip(asked.bracketed, fits, strict=True) if fit]
    return all(name in _OTHER_WORKS or _is_plain_word(name) for name in names)


def _is_plain_word(name: str) -> bool:
    """Whether it is no figure, nor of a script that has no spaces."""
    return name.isascii() and " " not in name and not name.isdecimal()


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
        is_variant(head, name) and not _says_no_more(tail)
        for ours in asked.spelt
        for head, tail in _subtitled(ours)
        for name in names
    )


@lru_cache(maxsize=16_384)
def _loose_agreement(ours: str, name: str) -> Agreement:
    rules = (
        (Agreement.RENUMBERED, is_renumbered),
        (Agreement.UNNUMBERED, _is_unnumbered),
        (Agreement.REORDERED, _is_reordered),
        (Agreement.SLIP, _is_slip),
        (Agreement.SHORTENED, _is_shortened),
        (Agreement.LONGER, _is_longer),
        (Agreement.RESEMBLING, _resembles),
    )
    return next((kind for kind, holds in rules if holds(ours, name)), Agreement.NONE)


def is_common(asked: AskedTitle) -> bool:
    """Whether a list gives nothing but one word, which another film of the time may have, too."""
    return len(asked.spelt) == 1 and len(significant_words(asked.text)) == 1


def has_its_words(asked: AskedTitle, title: str, original_title: str | None) -> bool:
    """Whether a search for one of the list's names finds the film by a title that it shows.

    Each word of the name begins a word of the title, with a space or without.
    """
    return any(
        all(
            f" {word}" in f" {theirs} {theirs.replace(' ', '')}" for word in normalise(ours).split()
        )
        for theirs in map(normalise, _names(title, original_title))
        for ours in (*asked.spelt, *asked.bracketed, *asked.names)
    )


def shortened_names(title: str) -> tuple[str, ...]:
    """Give the title without its subtitle, and what stands behind a name in front."""
    heads = [head for head, _ in _subtitled(title)[:1]]
    return (*heads, *list(_tails(title))[-1:])


def may_have_slip(title: str) -> bool:
    """Whether a title is long enough to be known in spite of a slip of the pen."""
    return len(normalise(title)) >= _SHORTEST_WITH_SLIP


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


def _says_no_more(tail: str) -> bool:
    """Whether a subtitle says nothing but which part it is, or that it is a film."""
    return has_numbered_part(_main_title(tail) or tail) or normalise(tail) in _DECORATIONS


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
    parted = _subtitled(name)
    if bracket := _IN_BRACKETS.match(name):
        parted.append((bracket["head"], bracket["tail"]))
    for head, tail in parted:
        if is_variant(asked, head):
            own = _ACCOMPANY.isdisjoint(normalise(tail).split())
            return own and not has_numbered_part(_main_title(tail) or tail)
    ours, theirs = normalise(asked), normalise(name)
    longer, shorter = (theirs, ours) if len(theirs) > len(ours) else (ours, theirs)
    return longer.startswith(f"{shorter} ") and longer.removeprefix(f"{shorter} ") in _DECORATIONS


def _is_unnumbered(asked: str, name: str) -> bool:
    """Whether a number stands on one side only.

    It must have a subtitle behind it: "Prime Suspect 7: The Final Act" is told by the subtitle,
    "Rocky 2" by nothing but its number. A first part's has none: often the plain title is its own.
    """
    longer, shorter = sorted((asked, name), key=lambda title: -len(_words_and_numbers(title)))
    more, fewer = _words_and_numbers(longer), _words_and_numbers(shorter)
    if len(more) != len(fewer) + 1:
        return False
    place = next((at for at, word in enumerate(fewer) if word != more[at]), len(fewer))
    if not place or more[place + 1 :] != fewer[place:]:
        return False
    if more[place:] == ["1"]:
        return True
    is_long = len("".join(fewer[place:])) >= _SHORTEST_SUBTITLE
    heads = [_words_and_numbers(head) for head, _ in (*_subtitled(longer), *_subtitled(shorter))]
    has_subtitle = more[: place + 1] in heads or more[:place] in heads
    return is_long and has_subtitle and bool(_NUMERAL.fullmatch(more[place]))


def _words_and_numbers(title: str) -> list[str]:
    return [word for word in significant_words(title) if word not in COUNTED]


def _is_reordered(asked: str, name: str) -> bool:
    """Whether they have the same words, wherever the articles stand.

    Of two words alone the other order may be another film's title.
    """
    ours, theirs = significant_words(asked), significant_words(name)
    if ours == theirs:
        return len(ours) >= _FEWEST_WORDS_TO_REORDER - 1
    return len(ours) >= _FEWEST_WORDS_TO_REORDER and sorted(ours) == sorted(theirs)


def _is_slip(asked: str, name: str) -> bool:
    """Whether one letter is left out, doubled or swapped with the next in the asked title.

    That seldom makes another title of it, however short; a letter that is replaced often does. An
    article in front may be missing besides.
    """
    ours, theirs = normalise(asked), normalise(name)
    return _is_likely_slip(ours, theirs) or _is_likely_slip(_bare(ours), _bare(theirs))


def _is_likely_slip(ours: str, theirs: str) -> bool:
    if min(len(ours), len(theirs)) < _SHORTEST_WITH_SLIP or not _is_one_letter(ours, theirs):
        return False
    is_likely = (
        len(ours) < len(theirs) or sorted(ours) == sorted(theirs) or _is_doubled(ours, theirs)
    )
    return is_likely and not _has_other_number_or_plural(ours, theirs)


def _bare(text: str) -> str:
    first, _, rest = text.partition(" ")
    return rest if first in ARTICLES else text


def _is_one_letter(ours: str, theirs: str) -> bool:
    return OSA.distance(ours, theirs, score_cutoff=1) == 1


def _is_doubled(ours: str, theirs: str) -> bool:
    """Whether the letter that is too many stands beside its like."""
    return any(
        ours[place] == ours[place + 1] and ours[:place] + ours[place + 1 :] == theirs
        for place in range(len(ours) - 1)
    )


def _resembles(asked: str, name: str) -> bool:
    """Whether one letter is wrong, or a few in a long title, and no word's first."""
    ours, theirs = normalise(asked), normalise(name)
    shortest = min(len(ours), len(theirs))
    alike = (shortest >= _SHORTEST_WITH_WRONG_LETTER and _is_one_letter(ours, theirs)) or (
        shortest >= _SHORTEST_RESEMBLING and fuzz.ratio(ours, theirs) >= _RESEMBLING
    )
    same_initials = alike and _initials(ours) == _initials(theirs)
    return same_initials and not _has_other_number_or_plural(ours, theirs)


def _initials(text: str) -> list[str]:
    return [word[0] for word in text.split() if word not in ARTICLES]


def _has_other_number_or_plural(ours: str, theirs: str) -> bool:
    """Whether a number or a plural makes them two."""
    if _NUMBERS.findall(ours) != _NUMBERS.findall(theirs):
        return True
    singular = [[_singular(word) for word in text.split()] for text in (ours, theirs)]
    return singular[0] == singular[1]


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
