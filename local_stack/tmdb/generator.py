"""Generated films in any number, with the same traps as real catalogues."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from local_stack.tmdb.film import Film
from local_stack.tmdb.reference import GENRE_IDS
from local_stack.tmdb.vocabulary import (
    ADJECTIVES,
    FIRST_NAMES,
    NAME_ENDS,
    NAME_MIDDLES,
    NAME_STARTS,
    NOUNS,
    ORIGINALS,
    OVERVIEWS,
    PLACES,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    ChoiceT = TypeVar("ChoiceT")

FIRST_ID: Final = 10_000_000
"""First id of the generated films, above the ids of the bundled ones."""

_FIRST_IMDB_NUMBER: Final = 80_000_000
_FIRST_YEAR: Final = 1915
_LAST_YEAR: Final = 2024
_YEARS: Final = _LAST_YEAR - _FIRST_YEAR + 1
_REMAKE_AFTER: Final = 10

# Shares of all films. The first five produce a title that resembles another.
_TWINS: Final = 0.001
_NEIGHBOURS: Final = 0.015
_REMAKES: Final = 0.03
_SEQUELS: Final = 0.02
_OTHER_ARTICLES: Final = 0.01
_FOREIGN: Final = 0.15
_OBSCURE: Final = 0.05
_RELEASED_AGAIN: Final = 0.04

_LACKING: Final = 0.2
"""Share of the obscure films without a date; likewise for runtime, directors and cast."""


def generate_films(count: int, seed: int) -> list[Film]:
    """Generate films; the same seed gives the same sequence, whatever the count.

    They include equal titles one year apart and far apart, sequels, titles that differ only by an
    article, originals in other languages and scripts, odd punctuation, obscure films (no votes,
    perhaps no date, director or cast) and, rarely, two films with the same title and year.

    Args:
        count: how many.
        seed: for the random choices.

    Returns:
        Films with ids from `FIRST_ID` up and unique IMDb ids.
    """
    maker = _Maker(seed)
    return [maker.film(number) for number in range(count)]


def distinct_titles(count: int, seed: int) -> list[str]:
    """Make titles of the kinds that `generate_films` gives its films, no two of them the same."""
    maker = _Maker(seed)
    return [maker.new_title() for _ in range(count)]


class _Maker:
    """The generator's state; it remembers titles to avoid unintended duplicates."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._taken: set[str] = set()
        self._made: list[tuple[str, int]] = []
        self._genres = tuple(GENRE_IDS)
        self._languages = tuple(ORIGINALS)
        self._patterns: tuple[Callable[[], str], ...] = (
            lambda: f"The {self._adjective()} {self._noun()}",
            lambda: f"{self._adjective()} {self._noun()}",
            lambda: f"The {self._noun()} of {self._pick(PLACES)}",
            lambda: f"{self._a_noun()} in {self._pick(PLACES)}",
            lambda: f"{self._name()} and the {self._noun()}",
            lambda: f"The {self._noun()} and the {self._noun()}",
            self._name,
            lambda: f"{self._name()}: {self._adjective()} {self._noun()}",
            lambda: f"{self._noun()}-{self._noun()}!",
            lambda: f"{self._name()}'s {self._noun()}",
            lambda: f"…and {self._name()} & {self._name()}",
            lambda: f"{self._name()} No. {self._random.randrange(2, 100)}½",
            lambda: f"{self._a_noun()}/{self._noun()} (for {self._name()})",
        )

    def film(self, number: int) -> Film:
        """Return the film with this number, counted from 0."""
        title, year = self._title_and_year()
        self._made.append((title, year))
        day = date(year, 1, 1) + timedelta(days=self._random.randrange(365))
        foreign = self._happens(_FOREIGN)
        language, country, original = self._original() if foreign else ("en", "US", title)
        obscure = self._happens(_OBSCURE)
        return Film(
            id=FIRST_ID + number,
            imdb_id=f"tt{_FIRST_IMDB_NUMBER + number}",
            title=title,
            original_title=original,
            release_date="" if self._lacks(obscure) else day.isoformat(),
            genres=tuple(dict.fromkeys((self._pick(self._genres), self._pick(self._genres)))),
            runtime=0 if self._lacks(obscure) else self._random.randrange(62, 190),
            countries=(country,),
            language=language,
            directors=self._people(0 if self._lacks(obscure) else 1 + self._happens(0.08)),
            cast=self._people(0 if self._lacks(obscure) else self._random.randrange(5, 10)),
            vote_count=0 if obscure else int(10 ** (1 + 3 * self._random.random() ** 2)),
            vote_average=0.0 if obscure else round(3 + 5.5 * self._random.random(), 1),
            overview="" if obscure else self._overview(),
            release_years=(year + self._random.randrange(1, 20),)
            if self._happens(_RELEASED_AGAIN)
            else (),
            poster=not obscure,
        )

    def _title_and_year(self) -> tuple[str, int]:
        year = _FIRST_YEAR + int(_YEARS * self._random.random() ** 0.6)
        if self._made:
            alike = self._like_another(*self._pick(self._made))
            if alike is not None:
                return alike
        return self.new_title(), year

    def new_title(self) -> str:
        """A title that no film has yet."""
        title = self._pick(self._patterns)()
        while title.casefold() in self._taken:
            title = self._pick(self._patterns)()
        self._taken.add(title.casefold())
        return title

    def _like_another(self, title: str, year: int) -> tuple[str, int] | None:
        """Return a title that resembles this one, for a few films."""
        draw = self._random.random()
        if (draw := draw - _TWINS) < 0:
            return title, year
        if (draw := draw - _NEIGHBOURS) < 0:
            return title, year + self._pick((-1, 1))
        if (draw := draw - _REMAKES) < 0:
            apart = self._random.randrange(_REMAKE_AFTER, _YEARS - _REMAKE_AFTER)
            return title, _FIRST_YEAR + (year - _FIRST_YEAR + apart) % _YEARS
        if (draw := draw - _SEQUELS) < 0:
            ending = self._pick((" II", " 2", " III", " Returns", f" 3: {self._name()}"))
            later = year + self._random.randrange(2, 6)
            return self._if_new(title + ending, min(later, _LAST_YEAR))
        if draw < _OTHER_ARTICLES:
            article, _, rest = title.partition(" ")
            return self._if_new(rest if article in {"The", "A", "An"} else f"The {title}", year)
        return None

    def _if_new(self, title: str, year: int) -> tuple[str, int] | None:
        if not title or title.casefold() in self._taken:
            return None
        self._taken.add(title.casefold())
        return title, year

    def _original(self) -> tuple[str, str, str]:
        """Return a language, a country and a title in that language."""
        language = self._pick(self._languages)
        parts = ORIGINALS[language]
        middles = dict.fromkeys((self._pick(parts.middles), self._pick(parts.middles)))
        middle = f"{parts.blank}{parts.conjunction}{parts.blank}".join(middles)
        pieces = (self._pick(parts.beginnings), middle, self._pick(parts.endings))
        return language, parts.country, parts.blank.join(pieces)

    def _overview(self) -> str:
        return self._pick(OVERVIEWS).format(
            name=self._pick(FIRST_NAMES),
            place=self._pick(PLACES),
            noun=self._pick(NOUNS),
            adjective=self._pick(ADJECTIVES),
        )

    def _people(self, count: int) -> tuple[str, ...]:
        names = [f"{self._pick(FIRST_NAMES)} {self._name()}" for _ in range(count)]
        return tuple(dict.fromkeys(names))

    def _name(self) -> str:
        return self._pick(NAME_STARTS) + self._pick(NAME_MIDDLES) + self._pick(NAME_ENDS)

    def _adjective(self) -> str:
        return self._pick(ADJECTIVES).capitalize()

    def _noun(self) -> str:
        return self._pick(NOUNS).capitalize()

    def _a_noun(self) -> str:
        noun = self._noun()
        return f"{'An' if noun[0] in 'AEIOU' else 'A'} {noun}"

    def _lacks(self, obscure: bool) -> bool:  # noqa: FBT001 - reads as its only question
        return obscure and self._happens(_LACKING)

    def _happens(self, share: float) -> bool:
        return self._random.random() < share

    def _pick(self, choices: Sequence[ChoiceT]) -> ChoiceT:
        return choices[int(self._random.random() * len(choices))]
