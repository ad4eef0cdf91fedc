"""Lookups in a daemon's hands: the claim, the film that answers it, the completion."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

    from shared.models import Outcome
    from shared.tracing.context import TraceContext

    TokenAt = tuple[int, UUID]
    """A lookup's id and the token of one claim of it."""


class GuessResult(StrEnum):
    """What the details of a guessed film said."""

    CONFIRMED = "confirmed"
    """It is the film that is meant; a search was saved."""
    UNSETTLED = "unsettled"
    """A search is needed to tell, and may choose it none the less."""


@dataclass(frozen=True, slots=True)
class KnownFilm:
    """What a lookup had found already, and why and how surely (percent) it was that."""

    tmdb_id: int
    reason: str | None
    confidence: int


@dataclass(frozen=True, slots=True)
class Claim:
    """One lookup in our hands, with the fencing token that its result must carry.

    Attributes:
        refreshes: the film whose record has grown old; None where the answer is still open.
        kept: it is pinned: warm-up or maintenance queued it, and it stays without a session.
        trace: of the request that queued it.
    """

    lookup_id: int
    key: str
    title: str | None
    attempts: int
    token: UUID
    refreshes: KnownFilm | None = None
    kept: bool = False
    trace: TraceContext | None = None

    @property
    def token_at(self) -> TokenAt:
        """What tells this claim from every other, also from another of the same lookup."""
        return self.lookup_id, self.token

    @property
    def is_waited_for(self) -> bool:
        """Whether somebody waits for the answer."""
        return self.refreshes is None and not self.kept


@dataclass(frozen=True, slots=True)
class Film:
    """A catalogue row: what TMDB answered. People are JSON objects that have at least a `name`.

    Attributes:
        other_names: titles that it is known by besides, in other languages and formerly.
    """

    tmdb_id: int
    imdb_id: str | None
    title: str
    original_title: str
    release_date: date | None
    genres: tuple[str, ...]
    directors: tuple[dict[str, object], ...]
    top_cast: tuple[dict[str, object], ...]
    runtime_minutes: int | None
    countries: tuple[str, ...]
    languages: tuple[str, ...]
    overview: str | None
    poster_path: str | None
    vote_average: Decimal | None
    vote_count: int
    popularity: float
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """How one claimed lookup ended.

    Attributes:
        film: what TMDB answered, for the catalogue.
        recorded: instead of that, the film whose record stands in the catalogue already.
        unknown_id: TMDB does not know the id that the lookup asks for, so movies that also have a
            title are to be looked up by it.
    """

    claim: Claim
    outcome: Outcome
    reason: str | None = None
    film: Film | None = None
    recorded: int | None = None
    confidence: int | None = None
    candidates: tuple[dict[str, object], ...] = ()
    unknown_id: bool = False

    @property
    def tmdb_id(self) -> int | None:
        """The film that was found."""
        return self.film.tmdb_id if self.film else self.recorded
