"""Choosing the film that a title and year mean, out of TMDB's search results.

A wrong film is worse than none: it is saved under the user's name and nobody notices, while an
unmatched film is shown with its candidates and corrected with one click. So precision comes first:

- A candidate is considered only when its title agrees in kind (`Agreement`) and its year does not
  contradict: the same year, the year before or after (festivals, other countries), or none known.
- One candidate must beat every other in both respects, title and year. When two share them, or each
  is better in one, nothing is chosen.
- Votes break a tie only when one film is beyond doubt the known one: a hundred times the votes and
  at least 500. TMDB is full of shorts that nobody has seen and that share title and year with a
  film that everybody has; two films of a like standing stay a tie.
- A loose reading of the title needs the very year, and is no rival of a film that has the title
  itself. A subtitle is not left out in favour of a well-known film: those have tales beside them.
- A film that is chosen with a doubt (`DOUBTFUL_BELOW`) keeps the others beside it, so that the user
  can choose again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Final

from enrich_service.matching.asked_titles import read_asked
from enrich_service.matching.title_agreement import (
    Agreement,
    agreement,
    has_its_words,
    is_common,
    may_be_part_of_known,
    similarity,
)
from shared.models import DOUBTFUL_BELOW

if TYPE_CHECKING:
    from collections.abc import Iterable

    from enrich_service.matching.asked_titles import AskedTitle
    from enrich_service.tmdb.models import SearchMovie

THRESHOLD: Final = 75
"""Suggestions that are not good enough to be chosen score less, of 0 to 100."""
ALTERNATIVE: Final = 98
"""Confidence in a film that has the asked title among its alternative ones, in the very year."""
MOST_OTHER_NAMES: Final = 3
_MOST_CANDIDATES: Final = 5
DOMINANT_VOTES: Final = 500
_DOMINANT_FACTOR: Final = 100

_TITLE_SCORES: Final = {
    Agreement.EXACT: 100,
    Agreement.SAME: 98,
    Agreement.VARIANT: 92,
    Agreement.BRACKETED: 90,
    Agreement.RENUMBERED: 87,
    Agreement.UNNUMBERED: 86,
    Agreement.REORDERED: 85,
    Agreement.SLIP: 82,
    Agreement.SHORTENED: 80,
    Agreement.LONGER: 78,
    Agreement.RESEMBLING: 77,
}
_FINAL: Final = frozenset(
    {
        Agreement.EXACT,
        Agreement.SAME,
        Agreement.VARIANT,
        Agreement.BRACKETED,
    }
)
"""Agreements in the very year that no further search could better, but by a lucky chance. Neither
could it a slip, but for one in a title of one word: that has another word by its side too often."""
_WEAKEST_SCORE: Final = 60  # of a title that does not agree: below the threshold whatever its year


class _YearFit(IntEnum):
    """How a film's year fits the one asked for, best last."""

    OTHER = 0
    UNKNOWN = 1
    """TMDB does not know the film's year."""
    NEXT_TO = 2
    OPEN = 3
    """No year was asked for."""
    SAME = 4


_CONFIDENCES: Final = {
    (Agreement.EXACT, _YearFit.SAME): 100,
    (Agreement.EXACT, _YearFit.OPEN): 98,
    (Agreement.EXACT, _YearFit.NEXT_TO): 98,
    (Agreement.EXACT, _YearFit.UNKNOWN): 96,
    (Agreement.SAME, _YearFit.SAME): 99,
    (Agreement.SAME, _YearFit.OPEN): 98,
    (Agreement.SAME, _YearFit.NEXT_TO): 97,
    (Agreement.SAME, _YearFit.UNKNOWN): 95,
    (Agreement.VARIANT, _YearFit.SAME): 98,
    (Agreement.VARIANT, _YearFit.OPEN): 97,
    (Agreement.VARIANT, _YearFit.NEXT_TO): 93,
    (Agreement.VARIANT, _YearFit.UNKNOWN): 93,
    (Agreement.BRACKETED, _YearFit.SAME): 98,
    (Agreement.BRACKETED, _YearFit.NEXT_TO): 95,
    (Agreement.RENUMBERED, _YearFit.SAME): 97,
    (Agreement.UNNUMBERED, _YearFit.SAME): 96,
    (Agreement.REORDERED, _YearFit.SAME): 96,
    (Agreement.SLIP, _YearFit.SAME): 97,
    (Agreement.SLIP, _YearFit.NEXT_TO): 95,
    (Agreement.SHORTENED, _YearFit.SAME): 96,
    (Agreement.LONGER, _YearFit.SAME): 95,
    (Agreement.RESEMBLING, _YearFit.SAME): 95,
}
"""What of films of each kind is right, in per cent; what is not here is never chosen."""
_YEAR_PENALTIES: Final = {
    _YearFit.SAME: 0,
    _YearFit.OPEN: 10,
    _YearFit.NEXT_TO: 13,
    _YearFit.UNKNOWN: 15,
    _YearFit.OTHER: 45,
}
_YEAR_WORDS: Final = {
    _YearFit.SAME: "same year",
    _YearFit.OPEN: "no year asked",
    _YearFit.NEXT_TO: "a year apart",
    _YearFit.UNKNOWN: "year unknown to TMDB",
    _YearFit.OTHER: "another year",
}


class NoMatchReason(StrEnum):
    """Why no film was chosen."""

    NO_CANDIDATES = "no_candidates"
    """The search found nothing."""
    OTHER_TITLE = "other_title"
    """No title comes close enough."""
    OTHER_YEAR = "other_year"
    """The title is there, from other years only."""
    AMBIGUOUS = "ambiguous"
    """Several films fit and none stands out."""


@dataclass(frozen=True, slots=True)
class Match:
    """The film that is meant.

    Attributes:
        tmdb_id: TMDB's id.
        confidence: 93 to 100.
        reason: what agreed, such as `exact title, same year`.
        is_final: whether no further search could show a film that fits as well. A search for one
            year shows but one of the two films that are a year apart from it.
        others: up to five films that it could be instead, where this one is doubtful.
    """

    tmdb_id: int
    confidence: int
    reason: str
    is_final: bool = field(default=True, compare=False)
    others: tuple[Candidate, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A film that it could be, for the user to choose; `score` is 0 to 100."""

    tmdb_id: int
    title: str
    year: int | None
    score: int
    poster_path: str | None


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No film was chosen; up to five candidates, the likeliest first."""

    reason: NoMatchReason
    candidates: tuple[Candidate, ...]

    @property
    def is_final(self) -> bool:
        """Whether further searches of the plan are in vain: more results only add ambiguity."""
        return self.reason is NoMatchReason.AMBIGUOUS


@dataclass(frozen=True, slots=True)
class _Scored:
    film: SearchMovie
    title: Agreement
    year: _YearFit
    score: int

    def is_beaten_by(self, other: _Scored) -> bool:
        """Whether the other is at least as good in title and year, and better in one."""
        no_worse = other.title >= self.title and other.year >= self.year
        return no_worse and (other.title, other.year) != (self.title, self.year)

    def is_overshadowed_by(self, other: _Scored) -> bool:
        """Whether the other is beyond doubt the one people know."""
        votes = other.film.vote_count
        return votes >= DOMINANT_VOTES and votes >= _DOMINANT_FACTOR * self.film.vote_count


def choose_match(title: str, year: int | None, films: Iterable[SearchMovie]) -> Match | NoMatch:
    """Choose the film that a title and year mean, or none.

    Args:
        title: as the list has it; a year in brackets at its end counts when `year` is None.
        year: of release, if the list has one.
        films: all search results so far; repeated ones do no harm.
    """
    asked = read_asked(title)
    scored = _scored(title, year, films)
    fitting = [one for one in scored if one.score >= THRESHOLD]
    if any(one.title >= Agreement.VARIANT for one in fitting):
        # Where a film has the title itself, one that only sounds like it is no rival.
        fitting = [one for one in fitting if one.title >= Agreement.BRACKETED]
    best = _stands_out(fitting, scored)
    if best is not None:
        words = f"{best.title.name.lower()} title, {_YEAR_WORDS[best.year]}"
        is_final = best.year in {_YearFit.SAME, _YearFit.OPEN} and (
            best.title in _FINAL or (best.title is Agreement.SLIP and not is_common(asked))
        )
        score = best.score
        if best.year is _YearFit.NEXT_TO and any(
            one.year is _YearFit.SAME and one.score >= THRESHOLD for one in scored
        ):
            # A film of the very year that sounds like it may be the one that is meant.
            score = min(score, DOUBTFUL_BELOW - 1)
        is_doubtful = score < DOUBTFUL_BELOW
        others = _shown(scored, besides=best.film.id) if is_doubtful else ()
        return Match(best.film.id, score, words, is_final, others)
    if fitting:
        reason = NoMatchReason.AMBIGUOUS
    elif not scored:
        reason = NoMatchReason.NO_CANDIDATES
    elif any(one.title >= Agreement.VARIANT for one in scored):
        reason = NoMatchReason.OTHER_YEAR
    else:
        reason = NoMatchReason.OTHER_TITLE
    return NoMatch(reason, _shown(scored))


def may_have_another_name(
    title: str, year: int | None, films: Iterable[SearchMovie]
) -> list[SearchMovie]:
    """The films that a search found although none of their titles agrees with the asked one.

    TMDB also searches alternative titles and translations and does not show them. Only films of
    the very year are worth a request each, and only where they are few: all of them, or those whose
    own titles have not the words that were searched for.

    Args:
        title: as the list has it.
        year: of release, if the list has one.
        films: what the searches found, none of which was chosen.
    """
    asked = read_asked(title)
    known_year = asked.year if year is None else year
    same_year = list({film.id: film for film in films if film.year == known_year}.values())
    if len(same_year) > MOST_OTHER_NAMES:
        same_year = [
            film for film in same_year if not has_its_words(asked, film.title, film.original_title)
        ]
    return same_year if known_year and len(same_year) <= MOST_OTHER_NAMES else []


def list_candidates(
    title: str, year: int | None, films: Iterable[SearchMovie], *, besides: int | None = None
) -> tuple[Candidate, ...]:
    """Up to five films that it could be, likeliest first, for the user to choose from.

    Args:
        title: as the list has it.
        year: of release, if the list has one.
        films: all search results.
        besides: the one that was chosen, if any was.
    """
    return _shown(_scored(title, year, films), besides=besides)


def _scored(title: str, year: int | None, films: Iterable[SearchMovie]) -> list[_Scored]:
    asked = read_asked(title)
    known_year = asked.year if year is None else year
    scored = [
        _score(asked, known_year, film) for film in {film.id: film for film in films}.values()
    ]
    return sorted(
        scored,
        key=lambda one: (one.score, one.film.vote_count, one.film.popularity, -one.film.id),
        reverse=True,
    )


def _score(asked: AskedTitle, year: int | None, film: SearchMovie) -> _Scored:
    kind = agreement(asked, film.title, film.original_title)
    if (
        kind is Agreement.SHORTENED
        and film.vote_count >= DOMINANT_VOTES
        and may_be_part_of_known(asked, film.title, film.original_title)
    ):
        kind = Agreement.NONE
    fit = _year_fit(year, film.year)
    known = _CONFIDENCES.get((kind, fit))
    if known and not (fit is _YearFit.NEXT_TO and kind is Agreement.VARIANT and is_common(asked)):
        return _Scored(film, kind, fit, known)
    points = _TITLE_SCORES.get(kind) or int(
        similarity(asked, film.title, film.original_title) * _WEAKEST_SCORE / 100
    )
    score = min(max(0, points - _YEAR_PENALTIES[fit]), THRESHOLD - 1)
    return _Scored(film, kind, fit, score)


def _year_fit(asked: int | None, year: int | None) -> _YearFit:
    if asked is None:
        return _YearFit.OPEN
    if year is None:
        return _YearFit.UNKNOWN
    if year == asked:
        return _YearFit.SAME
    return _YearFit.NEXT_TO if abs(year - asked) == 1 else _YearFit.OTHER


def _stands_out(fitting: list[_Scored], scored: list[_Scored]) -> _Scored | None:
    """Find the one film that is meant, if the question leaves no doubt about it."""
    front = [one for one in fitting if not any(one.is_beaten_by(other) for other in fitting)]
    if len(front) == 1:
        return None if _may_mean_another(front[0], scored) else front[0]
    for one in front:
        if all(other.is_overshadowed_by(one) for other in front if other is not one):
            return one
    return None


def _may_mean_another(best: _Scored, scored: list[_Scored]) -> bool:
    """Whether, with no year to tell, a far better known film goes by nearly this title."""
    return best.year is _YearFit.OPEN and any(
        one.title >= Agreement.LONGER and best.is_overshadowed_by(one)
        for one in scored
        if one is not best
    )


def _shown(scored: list[_Scored], *, besides: int | None = None) -> tuple[Candidate, ...]:
    films = [one for one in scored if one.film.id != besides]
    return tuple(
        Candidate(one.film.id, one.film.title, one.film.year, one.score, one.film.poster_path)
        for one in films[:_MOST_CANDIDATES]
    )
