"""The spellings of a film title: what makes two titles the same, nearly the same, or different.

Two titles may agree although no character sequence is shared, and differ although one letter does:
"WALL·E" is "Wall-E", "Alien" is not "Aliens". So agreement is a ladder of kinds, not a distance,
and resemblance by edit distance is its lowest rung.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from shared.lookup_keys import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

_ARTICLE_WORDS = (
    "a an the le la les un une des el los las una unos unas il lo gli uno der die das ein eine "
    "het een os as um uma den det en ett et"
)
ARTICLES: Final = frozenset(_ARTICLE_WORDS.split())
"""Articles of English, French, Spanish, Italian, German, Dutch, Portuguese and Scandinavian titles.

Italian "i", Portuguese "o" and Dutch "de" are left out on purpose: "I, Robot" is not "Robot".
"""

_APOSTROPHES = "'\u2018\u2019\u02bc`\u00b4"
_MOVED_ARTICLE = re.compile(rf"^(?P<title>.+),\s*(?P<article>[^\W\d]+[{_APOSTROPHES}]?)$")
_ELIDED = re.compile(rf"^(?:[ld]|un|dell|all|nell)[{_APOSTROPHES}](?=\w|$)", re.IGNORECASE)
_INNER_APOSTROPHE = re.compile(rf"(?<=\w)[{_APOSTROPHES}](?=\w)")
_AND_SIGN = re.compile(r"&|(?<=\s)\+(?=\s)")
_TRAILING_YEAR = re.compile(r"\s*[\[(]\s*(?P<year>(?:18|19|20)\d\d)\s*[\])]$")
_BRACKETED = re.compile(r"^(?P<outer>.*\S)\s+[\[(](?P<inner>[^\[\]()]+)[\])]$")
_ALSO_KNOWN_AS = r"(?:a\.?\s?k\.?\s?a\.?|also known as)"
_OTHER_NAME = re.compile(rf"\s+(?:{_ALSO_KNOWN_AS}|/|\|)\s+", re.IGNORECASE)
_SAYS_OTHER_NAME = re.compile(rf"^{_ALSO_KNOWN_AS}\s+", re.IGNORECASE)
_SUBTITLE = re.compile(r"\s*:\s+|\s+[-\u2013\u2014]\s+|\s+or(?::\s+|\s+(?=\())|,\s+or:?\s+")
_NUMBERED_PART = re.compile(r"\b(?:part|volume|chapter|episode)\s+\d+\b|\b\d+$")
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "v"})
_LEET_TOKEN = re.compile(r"(?<=[^\W\d])\d(?=[^\W\d])")
# Letters that NFKD leaves whole although lists write them with plain ones.
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)


def _numbered(words: str) -> dict[str, str]:
    return {word: str(number) for number, word in enumerate(words.split(), start=1)}


_ROMAN = _numbered("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx")
_NUMBER_WORDS = _numbered("one two three four five six seven eight nine ten")
_ABBREVIATIONS = {"vol": "volume", "pt": "part", "ep": "episode"}
_COUNTED = frozenset({"part", "volume", "chapter", "episode"})
_SHORTEST_RESEMBLING = 12
_SHORTEST_WITH_SLIP = 8
_RESEMBLING = 92.0
_SHORTEST_HALF = 4
_FEWEST_TAIL_WORDS = 3


class Agreement(IntEnum):
    """How far two titles agree, best last."""

    NONE = 0
    RESEMBLING = 1
    """Several slips of the pen in a long title; never the only ground without the right year."""
    SHORTENED = 2
    """One is the other without its subtitle."""
    SLIP = 3
    """One letter is wrong, missing, too many or swapped: no word's first, and no plural's."""
    BRACKETED = 4
    """The list has the film's title, and something more in brackets."""
    VARIANT = 5
    """The same but for an article, an "and", a space, a figure used as a letter, a second name."""
    SAME = 6
    """The same title, or the same original title, in other notation: case, accents, numerals."""
    EXACT = 7
    """The display title itself, but for case and white space."""


@dataclass(frozen=True, slots=True)
class AskedTitle:
    """A title as a list has it, taken apart.

    Attributes:
        whole: as it stands, for the films whose own title ends in a year: "Class Reunion (1962)".
        text: without a year in brackets at its end, and with a moved article back in front.
        year: the year in brackets, if there was one.
        names: the names on either side of an "aka" or a slash.
        bracketed: what stands before and what stands inside a bracket at the end.
    """

    whole: str
    text: str
    year: int | None
    names: tuple[str, ...]
    bracketed: tuple[str, str] | None


def read_asked(title: str) -> AskedTitle:
    """Take a title from a list apart: `Matrix, The (1999)` is `The Matrix` of 1999."""
    whole = " ".join(title.split())
    text, year = whole, None
    found = _TRAILING_YEAR.search(text)
    if found and found.start() > 0:
        text, year = text[: found.start()], int(found["year"])
    text = _article_first(text)
    parts = [_article_first(part) for part in _OTHER_NAME.split(text)]
    names = tuple(parts) if len(parts) > 1 else ()
    bracket = _BRACKETED.match(text)
    if bracket is None or _is_later_part(text):
        return AskedTitle(whole, text, year, names, None)
    inner = _SAYS_OTHER_NAME.sub("", bracket["inner"].strip())
    outer = _article_first(bracket["outer"])
    if inner != bracket["inner"].strip():
        return AskedTitle(whole, text, year, (outer, inner), None)
    return AskedTitle(whole, text, year, names, (outer, inner))


@lru_cache(maxsize=16_384)
def normalise(title: str) -> str:
    """Reduce a title to comparable words: `Léon: The Professional` is `leon the professional`.

    Accents go from Latin, Greek and Cyrillic letters only: in other scripts marks are letters.
    A title of nothing but signs ("???") is left as it is, so that it still differs from others.
    """
    text = unicodedata.normalize("NFKD", title.casefold().replace("\u2026", " "))
    kept = "".join(char for char in text if not "\u0300" <= char <= "\u036f")
    plain = unicodedata.normalize("NFC", kept).translate(_LETTERS)
    plain = _AND_SIGN.sub(" and ", _INNER_APOSTROPHE.sub("", plain))
    words = "".join(char if unicodedata.category(char)[0] in "LNM" else " " for char in plain)
    return " ".join(_in_figures(words.split())) or fold(title)


def agreement(asked: AskedTitle, title: str, original_title: str | None) -> Agreement:
    """Say how far a list's title agrees with a film's title or original title."""
    if fold(title) in {fold(asked.text), fold(asked.whole)}:
        return Agreement.EXACT
    names = _names(title, original_title)
    if not {normalise(asked.text), normalise(asked.whole)}.isdisjoint(map(normalise, names)):
        return Agreement.SAME
    if any(_is_variant(ours, name) for ours in (asked.text, *asked.names) for name in names):
        return Agreement.VARIANT
    parts = [any(_is_variant(part, name) for name in names) for part in asked.bracketed or ()]
    if any(parts):
        return Agreement.VARIANT if all(parts) else Agreement.BRACKETED
    return _loose_agreement(asked, names)


def _loose_agreement(asked: AskedTitle, names: tuple[str, ...]) -> Agreement:
    if any(_is_slip(asked.text, name) for name in names):
        return Agreement.SLIP
    if any(_is_shortened(asked.text, name) for name in names):
        return Agreement.SHORTENED
    alike = any(_resembles(asked.text, name) for name in names)
    return Agreement.RESEMBLING if alike else Agreement.NONE


def similarity(asked: AskedTitle, title: str, original_title: str | None) -> float:
    """Say how alike two titles look, 0 to 100: for ordering suggestions, never for choosing."""
    names = _names(title, original_title)
    return max(fuzz.token_sort_ratio(normalise(asked.text), normalise(name)) for name in names)


def shortened_names(title: str) -> tuple[str, ...]:
    """Give the title without its subtitle, and the subtitle if it can stand for the film."""
    return tuple(name for name in (_main_title(title), _last_subtitle(title)) if name)


def may_have_slip(title: str) -> bool:
    """Whether a title is long enough to be known in spite of a slip of the pen."""
    return len(normalise(title)) >= _SHORTEST_WITH_SLIP


def halves(title: str) -> tuple[str, ...]:
    """Give the title in two parts, of which one is free of a single slip; of one word, its start.

    A search takes a word's start for the word. What is too short to narrow a search is left out.
    """
    words = title.split()
    if len(words) == 1:
        parts = [title[: len(title) // 2]]
    else:
        ends = range(1, len(words))
        cut = min(ends, key=lambda end: abs(len(" ".join(words[:end])) - len(title) / 2))
        parts = [" ".join(words[:cut]), " ".join(words[cut:])]
    return tuple(part for part in parts if len(part) >= _SHORTEST_HALF)


def _names(title: str, original_title: str | None) -> tuple[str, ...]:
    return (title, original_title) if original_title else (title,)


def _main_title(title: str) -> str | None:
    head = _SUBTITLE.split(title, maxsplit=1)[0].strip()
    return head if head and head != title else None


def _last_subtitle(title: str) -> str | None:
    tail = _SUBTITLE.split(title)[-1].strip()
    long_enough = len(normalise(tail).split()) >= _FEWEST_TAIL_WORDS
    return tail if tail != title and long_enough else None


def _article_first(title: str) -> str:
    title = title.strip()
    found = _MOVED_ARTICLE.match(title)
    if not found:
        return title
    article = found["article"]
    if _ELIDED.match(article):
        return f"{article}{found['title']}"
    return f"{article} {found['title']}" if article.casefold() in ARTICLES else title


def _in_figures(words: list[str]) -> Iterator[str]:
    """Write numerals as figures, but not a title's first word: "III" is a film's name."""
    before = ""
    for index, word in enumerate(words):
        expanded = _ABBREVIATIONS.get(word, word) if index else word
        if before in _COUNTED:
            expanded = _ROMAN.get(expanded) or _NUMBER_WORDS.get(expanded, expanded)
        elif index and (len(word) > 1 or (index == len(words) - 1 and word != "i")):
            expanded = _ROMAN.get(expanded, expanded)
        before = expanded
        yield expanded


@lru_cache(maxsize=16_384)
def _loose(title: str) -> frozenset[str]:
    """Spellings under which a title is still taken for itself."""
    plain = normalise(title)
    forms = {plain, normalise(_ELIDED.sub("", title))}
    first, _, rest = plain.partition(" ")
    if first in ARTICLES and len(rest) > 1:
        forms.add(rest)
    forms |= {" ".join(word for word in form.split() if word != "and") for form in forms} - {""}
    forms |= {_LEET_TOKEN.sub(lambda found: found[0].translate(_LEET), form) for form in forms}
    return frozenset(form.replace(" ", "") for form in forms)


def _is_variant(ours: str, theirs: str) -> bool:
    return not _loose(ours).isdisjoint(_loose(theirs))


def _is_shortened(asked: str, name: str) -> bool:
    """Whether one is the other's main title, or the asked subtitle alone is the film's title.

    A part's number that only one side has makes another film of it ("Kill Bill: Vol. 2"), except
    the first part, which is often the only one with the plain name ("Dune: Part One").
    """
    head = _main_title(asked)
    if head and _is_variant(head, name):
        return not _is_later_part(asked)
    head = _main_title(name)
    if head and _is_variant(asked, head):
        return not _NUMBERED_PART.search(normalise(name))
    tail = _last_subtitle(asked)
    return tail is not None and normalise(tail) == normalise(name)


def _is_later_part(title: str) -> bool:
    found = _NUMBERED_PART.search(normalise(title))
    return found is not None and found[0].split()[-1] != "1" and "episode" not in found[0]


def _is_slip(asked: str, name: str) -> bool:
    """Whether one slip of the pen separates them."""
    ours, theirs = normalise(asked), normalise(name)
    if min(len(ours), len(theirs)) < _SHORTEST_WITH_SLIP or OSA.distance(ours, theirs) != 1:
        return False
    return not _means_another(ours, theirs)


def _resembles(asked: str, name: str) -> bool:
    """Whether a few slips of the pen separate them."""
    ours, theirs = normalise(asked), normalise(name)
    if min(len(ours), len(theirs)) < _SHORTEST_RESEMBLING or _means_another(ours, theirs):
        return False
    return fuzz.ratio(ours, theirs) >= _RESEMBLING


def _means_another(ours: str, theirs: str) -> bool:
    """Whether a number, a plural or a word's first letter, where nobody slips, makes them two."""
    initials = [[word[0] for word in text.split()] for text in (ours, theirs)]
    if initials[0] != initials[1]:
        return True
    if re.findall(r"\d+", ours) != re.findall(r"\d+", theirs):
        return True
    singular = [[word.rstrip("s") for word in text.split()] for text in (ours, theirs)]
    return singular[0] == singular[1]
