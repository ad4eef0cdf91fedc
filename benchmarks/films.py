"""Films for lists: picked from what the stand-in serves, so that a list can tell each from all."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_stack.tmdb.film import load_films
from local_stack.tmdb.generator import generate_films
from shared.lookup_keys import fold, title_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

STAND_IN_SEED = 1
"""Of the films that the stand-in generates unless it is told otherwise."""

_SPARE = 1.05
"""So many times the films asked for are generated, because some are not tellable."""


@dataclass(frozen=True, slots=True)
class Pick:
    """Films for a list.

    Attributes:
        films: in an order that means nothing.
        generated: how many films the stand-in must generate to have them.
        excluded: how many of its films no title and year can name.
    """

    films: list[Film]
    generated: int
    excluded: int


def pick_films(count: int) -> Pick:
    """Pick films out of the bundled and the generated ones; the same ones each time."""
    generated = int(count * _SPARE)
    everything = [*load_films(), *generate_films(generated, STAND_IN_SEED)]
    told = tellable(everything)
    chosen = random.Random(STAND_IN_SEED).sample(told, count)  # noqa: S311  # no secret
    return Pick(chosen, generated, len(everything) - len(told))


def tellable(films: Sequence[Film]) -> list[Film]:
    """The films that their title and year name and no other film's do.

    Another film's original title counts too. A film without a year must be alone with its title.
    """
    names = [{fold(film.title), fold(film.original_title)} for film in films]
    by_title = Counter(name for both in names for name in both)
    by_title_and_year = Counter(
        title_key(name, film.year) for film, both in zip(films, names, strict=True) for name in both
    )
    return [
        film
        for film in films
        if (
            by_title[fold(film.title)]
            if film.year is None
            else by_title_and_year[title_key(film.title, film.year)]
        )
        == 1
    ]
