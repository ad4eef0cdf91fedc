"""Requests and answers about shares, of the session's owner and of visitors.

A visitor's models name each field that they show. They leave out the owner's key, the addresses
that came with the films, names that may be those of files, and what only helps to correct a match.
"""

from __future__ import annotations

from datetime import date, datetime  # pydantic reads them
from typing import TYPE_CHECKING, Annotated, Final, TypeVar
from uuid import UUID  # pydantic reads it

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from api_service.errors import NotSharedError
from api_service.queries.movies import read_query
from api_service.queries.validation import integral
from api_service.schemas.sessions import (
    Answer,
    CreditsAnswer,
    MovieAnswer,
    OutcomeWord,
    session_fields,
)
from shared.models import SessionStatus  # pydantic reads it

if TYPE_CHECKING:
    from multidict import MultiMapping

    from api_service.eta import Estimate
    from api_service.storage.sessions import SessionRow
    from api_service.storage.shares import Share


SHARED_PAGE: Final = "/share/{share_id}"


class ShareAnswer(Answer):
    """A share, as its session's owner sees it; `path` is that of the page for visitors."""

    share_id: UUID
    path: str
    reviews: bool
    tags: bool
    created_at: datetime
    expires_at: datetime | None


class SharesAnswer(Answer):
    """The shares of a session that have not expired, the newest first."""

    shares: list[ShareAnswer]


class SharedStatusAnswer(Answer):
    """How far a shared list is, and what the share shows; `expires_at` is the share's own."""

    reviews: bool
    tags: bool
    expires_at: datetime | None
    status: SessionStatus
    total_movies: int
    enriched_count: int
    not_found_count: int
    failed_count: int
    progress_percent: int
    eta_seconds: int | None


class SharedMovieAnswer(Answer):
    """A movie of a shared list; `tags` and `review` are null where the share does not show them."""

    position: int
    title: str | None
    year: int | None
    outcome: OutcomeWord
    watched: bool
    rating: float | None
    rating_original: str | None
    watch_dates: list[date]
    rewatches: int
    liked: bool
    tags: list[str] | None
    review: str | None
    in_watchlist: bool
    tmdb_id: int | None
    tmdb_url: str | None
    imdb_id: str | None
    tmdb_title: str | None
    original_title: str | None
    release_date: date | None
    genres: list[str]
    directors: list[str]
    cast: list[str]
    runtime_minutes: int | None
    countries: list[str]
    languages: list[str]
    overview: str | None
    poster_url: str | None
    vote_average: float | None
    vote_count: int | None


class SharedMoviesAnswer(Answer):
    """A page of movies; `next_cursor` is null on the last."""

    movies: list[SharedMovieAnswer]
    next_cursor: str | None


class SharedMovieDetailAnswer(SharedMovieAnswer):
    """One movie with the people behind it."""

    credits: CreditsAnswer


_OF_STATUS: Final = frozenset(SharedStatusAnswer.model_fields) - {"reviews", "tags", "expires_at"}
_OF_MOVIE: Final = frozenset(SharedMovieAnswer.model_fields) - {"tags", "review"}


def share_answer(share: Share) -> ShareAnswer:
    """Return a share from its row."""
    return ShareAnswer(
        share_id=share.id,
        path=SHARED_PAGE.format(share_id=share.id),
        reviews=share.with_reviews,
        tags=share.with_tags,
        created_at=share.created_at,
        expires_at=share.expires_at,
    )


def shared_status_answer(
    share: Share, session: SessionRow, estimate: Estimate
) -> SharedStatusAnswer:
    """Return the status of a shared session, without what names the session or its owner."""
    fields = session_fields(session, estimate, days=0)
    return SharedStatusAnswer(
        **{name: fields[name] for name in _OF_STATUS},
        reviews=share.with_reviews,
        tags=share.with_tags,
        expires_at=share.expires_at,
    )


def visible(movie: MovieAnswer, share: Share) -> MovieAnswer:
    """Return the movie without what its share does not show.

    The names of lists may be names of files: not every export says what a list is called.
    """
    return movie.model_copy(
        update={
            "reason": None,
            "confidence": None,
            "candidates": [],
            "lists": [],
            "source_url": None,
            "tags": movie.tags if share.with_tags else [],
            "review": movie.review if share.with_reviews else None,
        }
    )


def shared_movie_answer(movie: MovieAnswer, share: Share) -> SharedMovieAnswer:
    """Return a movie as a visitor sees it."""
    return SharedMovieAnswer(
        **{name: getattr(movie, name) for name in _OF_MOVIE},
        tags=movie.tags if share.with_tags else None,
        review=movie.review if share.with_reviews else None,
    )


LONGEST_DAYS: Final = 3650
HIDDEN_PARAMETERS: Final = frozenset({"list"})
"""Of the session's routes, those that no share takes: what it does not show, nobody may ask for."""

Q = TypeVar("Q", bound=BaseModel)


class ShareOptions(BaseModel):
    """What a new share shows beside the films, their ratings and dates, and for how long."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"examples": [{"reviews": True}]}
    )

    reviews: bool = Field(default=False, description="Whether reviews are shown")
    tags: bool = Field(default=False, description="Whether tags are shown")
    expires_in_days: (
        Annotated[int, Field(ge=1, le=LONGEST_DAYS), BeforeValidator(integral)] | None
    ) = Field(None, description="Days after which it ends by itself; null is never")


def read_share_query(model: type[Q], query: MultiMapping[str], share: Share) -> Q:
    """Return the query of a visitor's request as one of these models.

    Raises:
        BadRequestError: a parameter is not what it may be.
        NotSharedError: it asks by what the share does not show.
    """
    if "tag" in query and not share.with_tags:
        raise NotSharedError("tag: this share does not show tags")
    return read_query(model, query)
