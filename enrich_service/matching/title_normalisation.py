"""The spellings of a film title: what makes two titles the same in other notation.

Two titles may agree although no character sequence is shared, and differ although one letter does:
"WALL·E" is "Wall-E", "Alien" is not "Aliens".
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from shared.lookup_keys import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ARTICLE_WORDS = (
    "a an the le la les un une des el los las una unos unas il lo gli uno der die das ein eine "
    "het een os as um uma den det en ett et"
)
ARTICLES: Final = frozenset(_ARTICLE_WORDS.split())
"""Articles of English, French, Spanish, Italian, German, Dutch, Portuguese and Scandinavian titles.

Italian "i", Portuguese "o" and Dutch "de" are left out on purpose: "I, Robot" is not "Robot".
"""
_BEHIND_A_COMMA: Final = ARTICLES | {"i", "o", "de", "gl'"}
"""What can be an article where it stands behind a comma: "Vitelloni, I"."""
COUNTED: Final = frozenset({"part", "volume", "chapter", "episode"})
"""What a number behind it counts."""

_APOSTROPHES = "'\u2018\u2019\u02bc`\u00b4"
_MOVED_ARTICLE = re.compile(rf"^(?P<title>.+),\s*(?P<article>[^\W\d]+[{_APOSTROPHES}]?)$")
_ELIDED = re.compile(rf"^(?:[ld]|un|dell|all|nell)[{_APOSTROPHES}](?=\w|$)", re.IGNORECASE)
_INNER_APOSTROPHE = re.compile(rf"(?<=\w)[{_APOSTROPHES}](?=\w)")
_POSSESSIVE = re.compile(rf"(?<=\w)[{_APOSTROPHES}]s\b", re.IGNORECASE)
_AND_SIGN = re.compile(r"&|(?<=\s)\+(?=\s)")
_FRACTION = re.compile(r"[\u00bc-\u00be\u2150-\u215e]")
_NUMBERED_PART = re.compile(r"\b(?:part|volume|chapter|episode)\s+\d+\b|\b\d+$")
_LATER_PART = re.compile(r"(?:[^\W\d]+ )?(?P<number>[2-9]|1\d|20)")
_COUNTED_PART = re.compile(
    r"(?:part|volume|chapter|episode|season|series) (?P<number>[2-9]|1\d|20)\b"
    r"|(?P<ordinal>[2-9]|1\d|20)th (?:part|volume|chapter|episode|season|series)$"
)
_BEHIND_THE_PART = re.compile(r"\s*:|\s+[-\u2013\u2014]\s+|,\s")
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "v"})
_LEET_TOKEN = re.compile(r"(?<=[^\W\d])\d(?=[^\W\d])")
# Letters that NFKD leaves whole although lists write them with plain ones.
_LETTERS = str.maketrans(
    {"ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "\u0131": "i"}
)


def _numbered(words: str) -> dict[str, str]:
    return {word: str(number) for number, word in enumerate(words.split(), start=1)}


_ROMAN = _numbered("i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx")
_NUMBER_WORDS = _numbered("one two three four five six seven eight nine ten eleven twelve")
_ORDINALS = _numbered(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
    "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_BELOW_TWENTY = _numbered(
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_TENS = _numbered("ten twenty thirty forty fifty sixty seventy eighty ninety")
_CARDINALS: Final = {word: 10 * int(number) for word, number in _TENS.items()} | {
    word: int(number) for word, number in _BELOW_TWENTY.items()
}
_TEN = 10
_HUNDRED = 100
_FIGURES = re.compile(r"\d+")
_ORDINAL_FIGURE = re.compile(r"(\d+)(?:st|nd|rd|th)")
_ABBREVIATIONS = {"vol": "volume", "pt": "part", "ep": "episode"}


@lru_cache(maxsize=16_384)
def normalise(title: str) -> str:
    """Reduce a title to comparable words: `Léon: The Professional` is `leon the professional`.

    Accents go from Latin, Greek and Cyrillic letters only: in other scripts marks are letters.
    A title of nothing but signs ("???") is left as it is, so that it still differs from others.
    """
    text = _FRACTION.sub(r" \g<0>", title.casefold().replace("\u2026", " "))
    text = unicodedata.normalize("NFKD", text)
    kept = "".join(char for char in text if not "\u0300" <= char <= "\u036f")
    plain = unicodedata.normalize("NFC", kept).translate(_LETTERS)
    plain = _AND_SIGN.sub(" and ", _INNER_APOSTROPHE.sub("", plain))
    words = "".join(char if unicodedata.category(char)[0] in "LNM" else " " for char in plain)
    return " ".join(_in_figures(words.split())) or fold(title)


def article_first(title: str) -> str:
    """Put an article that stands behind a comma at the end back in front."""
    title = title.strip()
    found = _MOVED_ARTICLE.match(title)
    if not found:
        return title
    article = found["article"]
    if _ELIDED.match(article):
        return f"{article}{found['title']}"
    return f"{article} {found['title']}" if article.casefold() in _BEHIND_A_COMMA else title


def is_variant(ours: str, theirs: str) -> bool:
    """Whether they differ by an article, an "and", a space or a figure used as a letter at most."""
    return not _loose(ours).isdisjoint(_loose(theirs))


def is_renumbered(ours: str, theirs: str) -> bool:
    """Whether they differ by how their numbers are written, or called, at most."""
    ours, theirs = in_plain_figures(ours), in_plain_figures(theirs)
    same_numbers = _FIGURES.findall(ours) == _FIGURES.findall(theirs)  # "Two One" is not "21"
    return same_numbers and not _loose(ours).isdisjoint(_loose(theirs))


@lru_cache(maxsize=16_384)
def in_plain_figures(title: str) -> str:
    """Write every number as a figure, and leave out what it counts: `Part Two` is `2`.

    An ordinal stays one, with one ending for all: `The First Day` is not `One Day`.
    """
    figures: list[str] = []
    words = normalise(title).split()
    while words:
        figure, length = _leading_number(words)
        del words[:length]
        if figure.isdecimal():
            figure = figure.lstrip("0") or "0"
            if figures and figures[-1] in COUNTED:
                figures.pop()
            if figures and figures[-1] == figure:
                continue
        figures.append(figure)
    return " ".join(figures)


def _leading_number(words: Sequence[str]) -> tuple[str, int]:
    """The first word, or the number that it begins, as a figure, and how many words that takes."""
    first = words[0]
    if found := _ORDINAL_FIGURE.fullmatch(first):
        return f"{found[1].lstrip('0')}th", 1
    if first in _ORDINALS:
        return f"{_ORDINALS[first]}th", 1
    number, length = _below_hundred(words)
    if words[length : length + 1] == ["hundred"] and number < _HUNDRED:
        number, length = max(number, 1) * _HUNDRED, length + 1
        behind = length + (words[length : length + 1] == ["and"])
        rest, longer = _below_hundred(words[behind:])
        number, length = number + rest, behind + longer if longer else length
    if not length:
        return first, 1
    if _TEN < number < 2 * _TEN:  # a year: nineteen eighty-four
        rest, longer = _below_hundred(words[length:])
        if rest >= _TEN:
            return str(number * _HUNDRED + rest), length + longer
    unit = _ORDINALS.get(words[length], "") if length < len(words) else ""
    if len(unit) == 1 and _takes_unit(words[length - 1]):
        return f"{number + int(unit)}th", length + 1
    return str(number), length


def _below_hundred(words: Sequence[str]) -> tuple[int, int]:
    """The number in words that these begin with, and of how many words it is: maybe none."""
    number = _CARDINALS.get(words[0], 0) if words else 0
    unit = _CARDINALS.get(words[1], 0) if len(words) > 1 and _takes_unit(words[0]) else 0
    if 0 < unit < _TEN:
        return number + unit, 2
    return number, 1 if number else 0


def _takes_unit(word: str) -> bool:
    return word in _TENS and word != "ten"


def significant_words(title: str) -> tuple[str, ...]:
    """The words of a title but for its articles, and for every "and"."""
    words = normalise(title).split()
    return tuple(word for word in words if word not in ARTICLES and word != "and") or tuple(words)


def names_later_part(text: str, title: str) -> bool:
    """Whether a text behind a title says which later part a film is: `Volume 2: The Love Story`.

    One word may say what is counted, in whatever language. A number that the title has, too, tells
    nothing: `Distretto 9 (District 9)`. Nor does one above twenty: `2046` is a name.
    """
    whole, head = (
        normalise(f"x {part}").removeprefix("x ")
        for part in (text, _BEHIND_THE_PART.split(text, maxsplit=1)[0])
    )
    if found := _LATER_PART.fullmatch(head) or _COUNTED_PART.match(whole):
        return found["number"] not in in_plain_figures(f"x {title}").split()
    return _COUNTED_PART.match(in_plain_figures(whole)) is not None


def is_later_part(title: str) -> bool:
    """Whether a title has a number that makes another film of it than the first."""
    found = _NUMBERED_PART.search(normalise(title))
    return found is not None and found[0].split()[-1] != "1" and "episode" not in found[0]


def has_numbered_part(title: str) -> bool:
    """Whether a title says which part it is."""
    return _NUMBERED_PART.search(normalise(title)) is not None


def _in_figures(words: list[str]) -> Iterator[str]:
    """Write numerals as figures, but not a title's first word: "III" is a film's name."""
    before = ""
    for index, word in enumerate(words):
        expanded = _ABBREVIATIONS.get(word, word) if index else word
        if before in COUNTED:
            expanded = _ROMAN.get(expanded) or _NUMBER_WORDS.get(expanded, expanded)
        elif index and (len(word) > 1 or (index == len(words) - 1 and word != "i")):
            expanded = _ROMAN.get(expanded, expanded)
        before = expanded
        yield expanded


@lru_cache(maxsize=16_384)
def _loose(title: str) -> frozenset[str]:
    """Spellings under which a title is still taken for itself."""
    plain = normalise(title)
    forms = {plain, normalise(_ELIDED.sub("", title)), normalise(_POSSESSIVE.sub("", title))}
    first, _, rest = plain.partition(" ")
    if first in ARTICLES and len(rest) > 1:
        forms.add(rest)
    forms |= {" ".join(word for word in form.split() if word != "and") for form in forms} - {""}
    forms |= {_LEET_TOKEN.sub(lambda found: found[0].translate(_LEET), form) for form in forms}
    return frozenset(form.replace(" ", "") for form in forms)
