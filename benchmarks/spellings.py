"""How lists write a title: as TMDB does, by the original title, in other notation, with slips."""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

    from local_stack.tmdb.film import Film

_NEIGHBOURS = {
    "a": "s", "b": "v", "c": "x", "d": "f", "e": "r", "f": "g", "g": "h", "h": "j", "i": "o",
    "j": "k", "k": "l", "l": "k", "m": "n", "n": "m", "o": "p", "p": "o", "q": "w", "r": "t",
    "s": "d", "t": "y", "u": "i", "v": "b", "w": "e", "x": "c", "y": "u", "z": "x",
}  # fmt: skip
"""The next letter on a keyboard."""
_SHORTEST_TO_SLIP_IN = 5
_ARTICLES = ("The ", "A ", "An ")


class Spelling(StrEnum):
    """A way to write a title."""

    DISPLAYED = "as TMDB shows it"
    ORIGINAL = "its original title"
    NOTATION = "other notation"
    """Case, accents, punctuation, `&`, an article behind."""
    SLIP = "one slip of the pen"


def spelled(film: Film, spelling: Spelling, chance: random.Random) -> str | None:
    """The film's title in this spelling; None where it has no such."""
    match spelling:
        case Spelling.DISPLAYED:
            return film.title
        case Spelling.ORIGINAL:
            return film.original_title if film.original_title != film.title else None
        case Spelling.NOTATION:
            others = [text for text in _notations(film.title) if text.strip() != film.title]
            return chance.choice(others) if others else None
        case Spelling.SLIP:
            return _with_a_slip(film.title, chance)


def _notations(title: str) -> list[str]:
    plain = "".join(
        char for char in unicodedata.normalize("NFKD", title) if not unicodedata.combining(char)
    )
    words = "".join(char if char.isalnum() or char in " '" else " " for char in title)
    texts = [title.lower(), title.upper(), plain, " ".join(words.split())]
    texts.append(title.replace("&", "and") if "&" in title else title.replace(" and ", " & "))
    texts.append(title.replace("'", "\u2019"))
    texts.append(title.replace(": ", " - "))
    texts += [
        f"{title.removeprefix(article)}, {article.strip()}"
        for article in _ARTICLES
        if title.startswith(article)
    ]
    return [text for text in texts if any(char.isalnum() for char in text)]


def _with_a_slip(title: str, chance: random.Random) -> str | None:
    """Two letters swapped, one left out, doubled, or hit beside; never a word's first."""
    places = [
        place
        for place in range(1, len(title) - 1)
        if title[place].lower() in _NEIGHBOURS
        and title[place - 1].isalpha()
        and title[place + 1].isalpha()
    ]
    if len(title) < _SHORTEST_TO_SLIP_IN or not places:
        return None
    place = chance.choice(places)
    before, letter, after = title[:place], title[place], title[place + 1 :]
    slips = [
        f"{before}{after[0]}{letter}{after[1:]}",
        f"{before}{after}",
        f"{before}{letter}{letter}{after}",
        f"{before}{_NEIGHBOURS[letter.lower()]}{after}",
    ]
    slips = [slip for slip in slips if slip != title]
    return chance.choice(slips)
