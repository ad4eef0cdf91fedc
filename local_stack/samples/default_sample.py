"""The default sample list: a film lover's export of bundled films."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

from local_stack.samples.letterboxd import write_letterboxd_export
from local_stack.tmdb.film import FIRST_MADE_UP_ID, load_films

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from local_stack.samples.letterboxd import SampleSummary
    from local_stack.tmdb.film import Film

MISSING: Final = 3
"""How many of the watched films exist in no catalogue."""
WATCHLIST: Final = 12
_LISTED: Final = 2
_KNOWN_TO_MANY: Final = 50


def write_default_sample(folder: Path, *, films: int = 60, seed: int = 1) -> SampleSummary:
    """Write a Letterboxd export of real films.

    Args:
        folder: the folder for the export.
        films: number of films seen, `MISSING` of them in no catalogue; `WATCHLIST` more are only on
            the watchlist, and two more only on a list.
        seed: for the choice of films, ratings and reviews.

    Raises:
        ValueError: `films` is smaller than `MISSING`, or more than there are bundled films.
    """
    known = _unmistakable(film for film in load_films() if film.id < FIRST_MADE_UP_ID)
    wanted = films - MISSING + WATCHLIST + _LISTED
    if films < MISSING or wanted > len(known):
        most = len(known) - WATCHLIST - _LISTED + MISSING
        raise ValueError(f"films={films}: choose from {MISSING} to {most}")
    chosen = random.Random(seed).sample(known, wanted)
    return write_letterboxd_export(
        folder,
        chosen[WATCHLIST + _LISTED :],
        seed=seed,
        missing=MISSING,
        watchlist=chosen[:WATCHLIST],
        listed=chosen[WATCHLIST : WATCHLIST + _LISTED],
    )


def _unmistakable(films: Iterable[Film]) -> list[Film]:
    """Return well-known films with a unique title and year."""
    by_name: dict[tuple[str, int | None], list[Film]] = {}
    for film in films:
        by_name.setdefault((film.title.casefold(), film.year), []).append(film)
    return [
        film
        for alike in by_name.values()
        for film in alike
        if len(alike) == 1 and film.year and film.vote_count >= _KNOWN_TO_MANY
    ]
