"""Guesses to verify: which film a title means, told by the export alone, before it is asked for.

The export has neither years nor votes nor display titles. So what it says is no answer: it says
which film's details to ask for first, and the details say whether a search would have chosen it.
What could make that wrong is a film of the same title and year that neither the export's original
titles nor the title index show: one whose display title is a translation. How many votes a film
needs against such a one, and how far it must stand above the namesakes that are shown, was measured
in a simulated TMDB (`benchmarks.first_list`, decision 0039).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from enrich_service.matching.match_choice import Match, choose_match
from enrich_service.tmdb.models import SearchMovie

if TYPE_CHECKING:
    from collections.abc import Mapping

    from enrich_service.tmdb.models import MovieDetails

LEAST_VOTES: Final = 20
"""Of a film whose original title no other film has."""
LEAST_VOTES_AMONG_NAMESAKES: Final = 1_000
MOST_NAMESAKES: Final = 3
"""A title that more films have is a common one, and so likely to be somebody's translation."""
FACTOR: Final = 10
"""So many times as popular as any namesake is the film that is meant."""
_CERTAIN: Final = 100


@dataclass(frozen=True, slots=True)
class Guess:
    """The film to ask for first, and the votes that it must have."""

    tmdb_id: int
    least_votes: int


def choose_guess(
    year: int, popularities: Mapping[int, float], years: Mapping[int, int]
) -> Guess | None:
    """Choose the film to ask for first, if it is likely to be the one that is meant.

    Args:
        year: of release, as the list has it.
        popularities: of all films of the export that have the title as their original one, by id.
        years: of the films that the index has by this name, by id; 0 where TMDB knows none.
    """
    elsewhen = {film for film, known in years.items() if known and abs(known - year) > 1}
    open_ones = {film: known for film, known in popularities.items() if film not in elsewhen}
    if not open_ones:
        return None
    best, *others = sorted(open_ones, key=open_ones.__getitem__, reverse=True)
    if not years.keys() - elsewhen <= {best} or years.get(best, year) != year:
        return None  # the index knows another that it may be
    if len(popularities) == 1:
        return Guess(best, LEAST_VOTES)
    is_far_above = all(open_ones[best] >= FACTOR * open_ones[other] for other in others)
    if len(others) > MOST_NAMESAKES or not is_far_above:
        return None
    return Guess(best, LEAST_VOTES_AMONG_NAMESAKES)


def confirm(guess: Guess, title: str, year: int, details: MovieDetails) -> Match | None:
    """Say whether the details of a guessed film leave no doubt that a search would choose it.

    Args:
        guess: of this film.
        title: as the list has it.
        year: of release, as the list has it.
        details: what TMDB tells of the film, and of those beside it.
    """
    if details.vote_count < guess.least_votes:
        return None
    told = SearchMovie(
        id=details.id,
        title=details.title,
        original_title=details.original_title,
        release_date=details.release_date,
        vote_count=details.vote_count,
    )
    match = choose_match(title, year, [told, *details.related])
    if not isinstance(match, Match) or match.tmdb_id != details.id:
        return None
    return match if match.confidence == _CERTAIN else None
