"""A film title as a list writes it, taken apart: its year, its moved article, its other names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from enrich_service.matching.title_normalisation import article_first, names_later_part

_TRAILING_YEAR = re.compile(r"\s*[\[(]\s*(?P<year>(?:18|19|20)\d\d)\s*[\])]$")
_ALSO_KNOWN_AS = r"(?:a\.?\s?k\.?\s?a\.?|also known as)"
_OTHER_NAME = re.compile(rf"\s+(?:{_ALSO_KNOWN_AS}|/|\|)\s+", re.IGNORECASE)
_SAYS_OTHER_NAME = re.compile(rf"^{_ALSO_KNOWN_AS}\s+", re.IGNORECASE)
_OPENING: Final = {")": "(", "]": "["}
MOST_NAMES: Final = 5
"""Names in brackets, or between slashes and each "aka", that are read: each may cost searches. What
stands beyond stays part of the last one."""


@dataclass(frozen=True, slots=True)
class AskedTitle:
    """A title as a list has it, taken apart.

    Attributes:
        whole: as it stands, for the films whose own title ends in a year: "Class Reunion (1962)".
        text: without a year in brackets at its end, and with a moved article back in front.
        year: the year in brackets, if there was one.
        names: the whole, and the names on either side of an "aka" or a slash in it.
        bracketed: what stands before the brackets at the end, and what stands inside each of them.
    """

    whole: str
    text: str
    year: int | None
    names: tuple[str, ...]
    bracketed: tuple[str, ...]

    @property
    def unmoved(self) -> str:
        """The title with its brackets, and the article before these back in front."""
        outer, *inner = self.bracketed
        return f"{outer} {' '.join(inner)}"

    @property
    def spelt(self) -> tuple[str, ...]:
        """The names that may be misspelt or shortened: the title, or each of several."""
        return tuple(dict.fromkeys(self.names or self.bracketed or (self.text,)))


@lru_cache(maxsize=4_096)
def read_asked(title: str) -> AskedTitle:
    """Take a title from a list apart: `Matrix, The (1999)` is `The Matrix` of 1999."""
    whole = " ".join(title.split())
    text, year = whole, None
    found = _TRAILING_YEAR.search(text)
    if found and found.start() > 0:
        text, year = text[: found.start()], int(found["year"])
    outer, inner = _brackets(text)
    text = article_first(text)
    parts = [article_first(part) for part in _OTHER_NAME.split(text, MOST_NAMES - 1)]
    names = (text, *parts) if len(parts) > 1 else ()
    if any(names_later_part(name, outer) for name in inner) or not inner:
        return AskedTitle(whole, text, year, names, ())
    outer = article_first(outer)
    known_as = [_SAYS_OTHER_NAME.sub("", name) for name in inner]
    said = tuple(
        article_first(new) for new, name in zip(known_as, inner, strict=True) if new != name
    )
    only = tuple(
        article_first(new) for new, name in zip(known_as, inner, strict=True) if new == name
    )
    if said:
        names = (outer, *said)
    return AskedTitle(whole, text, year, names, (outer, *only) if only else ())


def _brackets(text: str) -> tuple[str, list[str]]:
    """Part a title from the brackets behind it, which may hold brackets themselves."""
    outer, inner = text.strip(), list[str]()
    while outer and outer[-1] in _OPENING and len(inner) < MOST_NAMES:
        start = _opening(outer)
        if start is None or not outer[:start].endswith(" ") or not outer[:start].strip():
            break
        inner.insert(0, outer[start + 1 : -1].strip())
        outer = outer[:start].strip()
    return outer, [name for name in inner if name]


def _opening(text: str) -> int | None:
    """Where the bracket opens that the last character closes."""
    closing, depth = text[-1], 0
    for place in range(len(text) - 1, -1, -1):
        depth += (text[place] == closing) - (text[place] == _OPENING[closing])
        if depth == 0:
            return place
    return None
