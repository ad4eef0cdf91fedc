"""A made-up film lover: viewings with dates, ratings, tags and reviews."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from local_stack.tmdb.film import Film

MADE_UP: Final = (
    ("The Cartographer's Umbrella", 1974),
    ("Seventeen Ways to Fold a Lake", 2006),
    ("Mittwochs nie nach Osnabrück", 1988),
    ("Gas Station Nocturne No. 4", 2017),
    ("The Undersecretary of Moths", 1959),
    ("Half a Bicycle to Ålesund", 1996),
    ("Nobody Orders the Soup", 2021),
    ("A Brief History of My Uncle's Ladder", 2012),
)
"""Titles and years of films that do not exist, so no catalogue has them."""

_TAGS: Final = ("cinema", "on-dvd", "with-family", "film-club, subtitled", "at-the-drive-in")
_OPINIONS: Final = (
    "Better than I remembered.",
    'Everybody says "masterpiece", and for once everybody is right.',
    "The first hour drags.\n\nThen it does not.",
    "Saw it in an empty cinema, with the heating off; it helped.",
    "Loved the score, the coats, and the dog.",
)
_FIRST_DAY: Final = date(2019, 1, 5)
_DAYS: Final = 1_800
_UNTIL_REWATCH: Final = 90
_MOST_HALF_STARS: Final = 10
_USUAL_HALF_STARS: Final = 8
_RATED: Final = 0.8
_TAGGED: Final = 0.3
_REVIEWED: Final = 0.25


@dataclass(frozen=True, slots=True)
class Title:
    """A film as a list names it; the number determines its address."""

    number: int
    name: str
    year: int | None


@dataclass(frozen=True, slots=True)
class Viewing:
    """One diary entry.

    Attributes:
        title: the film.
        number: the entry's, which determines its address.
        watched_on: the day.
        rating: stars from 0.5 to 5 in halves, if rated.
        rewatch: whether the film had been seen before.
        tags: separated by commas, or blank.
        review: may be blank.
    """

    title: Title
    number: int
    watched_on: date
    rating: Decimal | None
    rewatch: bool
    tags: str
    review: str


def titles_of(films: Iterable[Film]) -> list[Title]:
    """Return films as a list names them."""
    return [Title(film.id, film.title, film.year) for film in films]


def made_up_titles(count: int) -> list[Title]:
    """Return titles that no catalogue has, numbered above all films.

    Raises:
        ValueError: there are not that many.
    """
    if count > len(MADE_UP):
        raise ValueError(f"there are only {len(MADE_UP)} made-up titles, not {count}")
    return [
        Title(2**31 + number, name, year) for number, (name, year) in enumerate(MADE_UP[:count])
    ]


def viewings_of(titles: Sequence[Title], seed: int) -> list[Viewing]:
    """Return a diary, the same for the same seed: most films once, some never, a few twice."""
    chance = random.Random(seed)
    viewings: list[Viewing] = []
    for title in titles:
        times = chance.choices((0, 1, 2), weights=(2, 7, 1))[0]
        first_day = _FIRST_DAY + timedelta(days=chance.randrange(_DAYS))
        for time in range(times):
            half_stars = round(chance.triangular(1, _MOST_HALF_STARS, _USUAL_HALF_STARS))
            viewings.append(
                Viewing(
                    title=title,
                    number=len(viewings),
                    watched_on=first_day + timedelta(days=_UNTIL_REWATCH * time),
                    rating=Decimal(half_stars) / 2 if chance.random() < _RATED else None,
                    rewatch=time > 0,
                    tags=chance.choice(_TAGS) if chance.random() < _TAGGED else "",
                    review=chance.choice(_OPINIONS) if chance.random() < _REVIEWED else "",
                )
            )
    return viewings
