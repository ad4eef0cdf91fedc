"""What shares answer: to the session's owner, and to whoever has a share's id.

A visitor's models name each field that they show. They leave out the owner's key, the addresses
that came with the films, names that may be those of files, and what only helps to correct a match.
"""

from __future__ import annotations

from datetime import date, datetime  # pydantic reads them
from typing import TYPE_CHECKING, Final
from uuid import UUID  # pydantic reads it

from api_service.schemas.sessions import (
    Answer,
    CreditsAnswer,
    MovieAnswer,
    OutcomeWord,
    session_fields,
)
from shared.models import SessionStatus  # pydantic reads it

if TYPE_CHECKING:
    from api_service.eta import Outlook
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
    """A share from its row."""
    return ShareAnswer(
        share_id=share.id,
        path=SHARED_PAGE.format(share_id=share.id),
        reviews=share.with_reviews,
        tags=share.with_tags,
        created_at=share.created_at,
        expires_at=share.expires_at,
    )


def shared_status_answer(share: Share, session: SessionRow, outlook: Outlook) -> SharedStatusAnswer:
    """The status of a shared session, without anything that names the session or its owner."""
    fields = session_fields(session, outlook, days=0)
    return SharedStatusAnswer(
        **{name: fields[name] for name in _OF_STATUS},
        reviews=share.with_reviews,
        tags=share.with_tags,
        expires_at=share.expires_at,
    )


def visible(movie: MovieAnswer, share: Share) -> MovieAnswer:
    """The movie without what its share does not show.

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
    """A movie as a visitor sees it."""
    return SharedMovieAnswer(
        **{name: getattr(movie, name) for name in _OF_MOVIE},
        tags=movie.tags if share.with_tags else None,
        review=movie.review if share.with_reviews else None,
    )
