"""Telling a film by what is known of all films, without asking TMDB: only where that is certain.

Of a film's namesake in the same year the title index may know nothing, and a search would have
shown it. So one candidate is enough only if every film of its year is known, or if it is a film
that everybody has heard of. A namesake that was never shown, with more than a hundredth of its
votes, would have made a search ambiguous; measured, there is none (`benchmarks.shortcuts`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from enrich_service.matching.asked_titles import read_asked
from enrich_service.matching.match_choice import DOMINANT_VOTES, Match, choose_match
from enrich_service.matching.title_agreement import Agreement, agreement
from enrich_service.matching.title_normalisation import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from enrich_service.tmdb.models import MovieDetails, SearchMovie

LONGEST_KEY_BYTES: Final = 2_200
"""Of a text in an index: PostgreSQL refuses entries of more than 2,704 bytes. A title of a list has
500 characters at most, so none that is asked for is longer."""
LEAST_CONFIDENCE: Final = 99
"""The very title, or the same one in other notation, in the very year."""


def index_names(title: str, original_title: str | None) -> frozenset[str]:
    """The names under which a film stands in the index; none that cannot be a key there."""
    names = (normalise(name) for name in (title, original_title) if name)
    return frozenset(name for name in names if can_be_key(name))


def can_be_key(text: str) -> bool:
    """Return whether PostgreSQL takes a text, whatever TMDB sent, into an index."""
    return len(text.encode()) <= LONGEST_KEY_BYTES


def asked_names(title: str) -> frozenset[str]:
    """The names under which the film that a list means would stand in the index."""
    asked = read_asked(title)
    return frozenset(normalise(text) for text in (asked.text, asked.whole) if text)


def asked_year(title: str, year: int | None) -> int | None:
    """The year that a list gives, be it in brackets behind the title."""
    return read_asked(title).year if year is None else year


def choose_known(
    title: str, year: int, films: Sequence[SearchMovie], *, is_complete: bool
) -> Match | None:
    """Choose the film that a title and year mean, if that is as certain as a search makes it.

    Args:
        title: as the list has it.
        year: of release.
        films: all of these names that are known, of this year, its neighbours, or without one.
        is_complete: whether every film of the year is known.
    """
    match = choose_match(title, year, films)
    if not isinstance(match, Match) or match.confidence < LEAST_CONFIDENCE:
        return None
    (chosen,) = {film.vote_count for film in films if film.id == match.tmdb_id}
    return match if is_complete or chosen >= DOMINANT_VOTES else None


def is_still(title: str, year: int, details: MovieDetails) -> bool:
    """Whether a film, as TMDB tells it now, has the title and year that were asked for."""
    told = agreement(read_asked(title), details.title, details.original_title)
    return told >= Agreement.SAME and details.year == year
