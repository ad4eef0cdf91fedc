"""A title of a viewing history taken apart: what it says by itself of being an episode's.

Netflix writes an episode as `Show: Season: Episode`, `Show: Episode` or, in the copy of one's data,
with `(Episode 4)` behind, in the language of the account. The words known here make a history of
three rows readable. Those of all other languages are learned from the history
(`netflix_evidence.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from datetime import date

_SEASONS = (
    "season|series|staffel|saison|temporada|stagione|seizoen|sezon|sæson|säsong|sesong|kausi|"
    "sezóna|série|évad|сезон|book|part|volume|chapter|collection|teil|buch|kapitel|partie|livre|"
    "chapitre|parte|libro|capítulo|volumen|deel|hoofdstuk|boek|część|del|kapitola"
)
_LIMITED = "limited series|mini-?series?|miniserien|mini-?s[ée]rie|minissérie|miniszéria"
_EPISODES = (
    "episode|folge|épisode|episodio|episódio|aflevering|odcinek|avsnitt|afsnit|jakso|epizoda|"
    "epizód|epizod|серия|эпизод|エピソード|에피소드|الحلقة"
)
_HAS_SEASON = re.compile(
    rf": +(?:(?:{_SEASONS})\b[^:]{{0,20}}|[^: ]{{1,4}} (?:{_SEASONS})|{_LIMITED}|[12][0-9]{{3}})"
    " *: ",
    re.IGNORECASE,
)
_ENDS_WITH_EPISODE = re.compile(rf": +(?:{_EPISODES}) +[0-9]+(?: *\(.*\))?$", re.IGNORECASE)
_EPISODE_ENDS: Final = frozenset("0123456789)")
_SEASON_BY_NAME = re.compile(r"^([^:]+?) *: +\1 [^:]+: ")

WIDE_COLON: Final = "\uff1a"
"""As it is typed in Chinese and Japanese."""
_EPISODE_WORDS: Final = frozenset(_EPISODES.split("|"))
_PART_BEHIND: Final = frozenset(
    {"část", "kapitola", "kniha", "kısım", "kitap", "rész", "osa"}  # noqa: RUF001  # Turkish
)
_PART_BEFORE: Final = _PART_BEHIND | {
    *("part", "vol", "volume", "chapter", "book", "teil", "band", "kapitel", "buch", "partie"),
    *("chapitre", "livre", "parte", "capítulo", "volumen", "libro", "deel", "hoofdstuk", "boek"),
    *("del", "bog", "bind", "część", "tom", "rozdział", "bölüm", "luku", "часть", "глава"),
    *("パート", "파트", "الجزء"),
}
_NUMERAL_ENDS: Final = frozenset(")IVXLC話集회화")
_NUMERAL = re.compile(r"\d|第[一二三四五六七八九十百]+")
_WORD_AND_NUMERAL = re.compile(r"(\D{0,20}?)(\d{1,4})(\D{0,20})")
_WORD_NUMERAL_NAME = re.compile(r"([^\W\d]{2,20})\.? ?(\d{1,4})(?: ?[-–—]|[.:]) .*")  # noqa: RUF001  # dashes
_WORD_AND_ROMAN = re.compile(r"([^\W\d]{2,20}) ([IVXLC]{1,7})(?!\w)")
_BRACKETS = re.compile(r" ?\(([^()]{2,40})\)$")


class Form(NamedTuple):
    """What stands before and behind a numeral, folded: `1. díl` is of the form ("", "díl")."""

    before: str
    after: str

    @property
    def is_episode(self) -> bool:
        """Whether its word is known to stand for an episode."""
        return (self.before or self.after) in _EPISODE_WORDS

    @property
    def is_part(self) -> bool:
        """Whether films are numbered so, too: `Dune: Part 2`, `Kill Bill: Vol. 1`."""
        if self.before and self.after:
            return False
        return self.before in _PART_BEFORE or self.after in _PART_BEHIND


class Numbered(NamedTuple):
    """A numbered part of a title."""

    form: Form
    number: int


class Title(NamedTuple):
    """A title taken apart.

    Attributes:
        whole: as it is written.
        parts: what colons part.
        last: the last part, if it is numbered.
        bracketed: what stands in brackets behind the last part, if that is numbered.
        is_sequel: whether it is numbered as films are: `Star Wars: Episode IV: A New Hope`,
            `Mission: Impossible II`, `The Twilight Saga: Breaking Dawn: Part 1`.
        day: when it was watched, None where that is not known.
    """

    whole: str
    parts: list[str]
    last: Numbered | None
    bracketed: Numbered | None
    is_sequel: bool
    day: date | None


def is_episode_by_itself(title: str) -> bool:
    """Whether a title says that it is an episode's in words that are known."""
    if ": " not in title:
        return False
    return bool(
        _HAS_SEASON.search(title)
        # Looked for only where it can be: else each ": Episode 1 (" is followed to the very end.
        or (title[-1] in _EPISODE_ENDS and _ENDS_WITH_EPISODE.search(title))
        or _SEASON_BY_NAME.match(title)
    )


def is_numbered(title: str, start: int) -> bool:
    """Whether the last part of a title, which begins at `start`, may be numbered.

    Of most episodes it is a name: they say nothing of others, and are not taken apart.
    """
    last = title[-1]
    return last in _NUMERAL_ENDS or last.isdecimal() or title[start : start + 1].isdecimal()


def take_apart(title: str, day: date | None) -> Title:
    """Take a title apart."""
    whole = title.replace(WIDE_COLON, ": ") if WIDE_COLON in title else title
    bracketed = None
    if whole[-1] == ")" and (found := _BRACKETS.search(whole)):
        bracketed = _numbered(found[1])
        if bracketed:
            whole = whole[: found.start()]
    parts = [part.strip(" :") for part in whole.split(": ")]
    last = _numbered(parts[-1]) if parts[1:] else None
    is_sequel = (last is not None and last.form.is_part) or any(
        map(_WORD_AND_ROMAN.match, parts[1:])
    )
    return Title(title, parts, last, bracketed, is_sequel, day)


def has_numeral(part: str) -> bool:
    """Whether there is a number in it, in the digits of any script."""
    return _NUMERAL.search(part) is not None


def _numbered(part: str) -> Numbered | None:
    if found := _WORD_AND_NUMERAL.fullmatch(part):
        form = Form(_fold(found[1]), _fold(found[3]))
        if form.before or form.after:
            return Numbered(form, int(found[2]))
    elif found := _WORD_NUMERAL_NAME.fullmatch(part):
        return Numbered(Form(_fold(found[1]), ""), int(found[2]))
    elif found := _WORD_AND_ROMAN.fullmatch(part):
        return Numbered(Form(_fold(found[1]), ""), _roman(found[2]))
    return None


def _fold(text: str) -> str:
    return "".join(filter(str.isalpha, text.casefold()))


def _roman(numeral: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}[letter] for letter in numeral]
    following = [*values[1:], 0]
    return sum(-a if a < b else a for a, b in zip(values, following, strict=True))
