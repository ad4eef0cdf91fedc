"""Answers about sessions and their movies."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from api_service.schemas.posters import poster_url, profile_url, tmdb_url
from api_service.schemas.reports import AdditionReport, UploadReport
from shared.models import SessionStatus

if TYPE_CHECKING:
    import asyncpg

    from api_service.eta import Estimate
    from api_service.storage.events import AnsweredFilm
    from api_service.storage.sessions import SessionRow

DONE_PERCENT = 100

OutcomeWord = Literal["pending", "found", "not_found", "failed"]


class Answer(BaseModel):
    """A JSON object that the API sends."""

    model_config = ConfigDict(frozen=True)


class SessionAnswer(Answer):
    """A session's status. Counts are movies; `eta_seconds` is null while it is unknown.

    It is `waiting` while four other lists of the same client come first, and `held` while the
    operator has its films wait.
    """

    session_id: UUID
    status: SessionStatus
    total_movies: int
    enriched_count: int
    not_found_count: int
    failed_count: int
    progress_percent: int
    eta_seconds: int | None
    waiting: bool
    held: bool
    created_at: datetime
    completed_at: datetime | None
    expires_at: datetime


class UploadAnswer(SessionAnswer):
    """The session that an upload made, and how its files were read (shortened)."""

    report: UploadReport


class AdditionAnswer(SessionAnswer):
    """The session that more files were added to, and how these were read (shortened)."""

    report: AdditionReport


class ForceAnswer(SessionAnswer):
    """A session after a force; `requeued` is how many lookups are asked again."""

    requeued: int


class CandidateAnswer(Answer):
    """A film of TMDB that it could be; `score` is 0 to 100, and says how far it agrees."""

    tmdb_id: int
    title: str
    year: int | None
    score: int
    poster_path: str | None


class MovieAnswer(Answer):
    """One movie: what the user said of it and, when it was found, what TMDB knows."""

    position: int
    title: str | None
    year: int | None
    outcome: OutcomeWord
    reason: str | None
    confidence: int | None
    candidates: list[CandidateAnswer]
    watched: bool
    rating: float | None
    rating_original: str | None
    watch_dates: list[date]
    rewatches: int
    liked: bool
    tags: list[str]
    review: str | None
    in_watchlist: bool
    lists: list[str]
    source_url: str | None
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


class MoviesAnswer(Answer):
    """A page of movies; `next_cursor` is null on the last."""

    movies: list[MovieAnswer]
    next_cursor: str | None


class PositionsAnswer(Answer):
    """Where all the movies that fit stand, in the order asked for, and how many they are."""

    positions: list[int]
    total: int


class DirectorAnswer(Answer):
    """One who directed a film; `id` is TMDB's."""

    id: int
    name: str
    profile_url: str | None


class CastAnswer(DirectorAnswer):
    """One who plays in a film, and whom."""

    character: str | None


class CreditsAnswer(Answer):
    """Who directed a film, and who plays in it, in the order of billing."""

    directors: list[DirectorAnswer]
    cast: list[CastAnswer]


class MovieDetailAnswer(MovieAnswer):
    """One movie with the people behind it."""

    credits: CreditsAnswer


class FilmAnswer(Answer):
    """An answered film as a stream shows it."""

    position: int
    title: str | None
    year: int | None
    outcome: OutcomeWord
    poster_url: str | None


class FilmsAnswer(Answer):
    """The films answered since the last event, newest first."""

    films: list[FilmAnswer]


class GoneAnswer(Answer):
    """The session is gone, and there is nothing to be said of it."""


def session_fields(row: SessionRow, estimate: Estimate, *, days: int) -> dict[str, Any]:
    """Return the fields of a `SessionAnswer`; `days` is how long a session may stay unread."""
    done = row.total - row.remaining
    # Rounded down, so that 100 is said only when nothing is left.
    percent = DONE_PERCENT if row.remaining == 0 else done * DONE_PERCENT // row.total
    return {
        "session_id": row.id,
        "status": row.status,
        "total_movies": row.total,
        "enriched_count": row.enriched,
        "not_found_count": row.not_found,
        "failed_count": row.failed,
        "progress_percent": percent,
        "eta_seconds": estimate.eta_seconds,
        "waiting": estimate.waiting,
        "held": row.held,
        "created_at": row.created_at,
        "completed_at": row.completed_at,
        "expires_at": row.read_at + timedelta(days=days),
    }


def movie_answer(row: asyncpg.Record, image_base_url: str) -> MovieAnswer:
    """Return one movie from its row."""
    return MovieAnswer(
        position=row["position"],
        title=row["title"],
        year=row["year"],
        outcome=row["outcome"],
        reason=row["reason"],
        confidence=row["confidence"],
        candidates=json.loads(row["candidates"] or "[]"),
        watched=row["watched"],
        rating=row["rating"],
        rating_original=row["rating_original"],
        watch_dates=row["watch_dates"],
        rewatches=row["rewatches"],
        liked=row["liked"],
        tags=row["tags"],
        review=row["review"],
        in_watchlist=row["in_watchlist"],
        lists=row["lists"],
        source_url=row["source_url"],
        tmdb_id=row["tmdb_id"],
        tmdb_url=tmdb_url(row["tmdb_id"]),
        imdb_id=row["imdb_id"],
        tmdb_title=row["tmdb_title"],
        original_title=row["original_title"],
        release_date=row["release_date"],
        genres=row["genres"] or [],
        directors=json.loads(row["directors"] or "[]"),
        cast=json.loads(row["top_cast"] or "[]"),
        runtime_minutes=row["runtime_minutes"],
        countries=row["countries"] or [],
        languages=row["languages"] or [],
        overview=row["overview"],
        poster_url=poster_url(row["poster_path"], image_base_url),
        vote_average=row["vote_average"],
        vote_count=row["vote_count"],
    )


def credits_answer(row: asyncpg.Record | None, image_base_url: str) -> CreditsAnswer:
    """Return the people behind a film from its row; none where TMDB told us nothing."""
    if row is None:
        return CreditsAnswer(directors=[], cast=[])
    return CreditsAnswer(
        directors=[
            DirectorAnswer(
                id=person["id"],
                name=person["name"],
                profile_url=profile_url(person.get("profile_path"), image_base_url),
            )
            for person in json.loads(row["directors"])
        ],
        cast=[
            CastAnswer(
                id=person["id"],
                name=person["name"],
                profile_url=profile_url(person.get("profile_path"), image_base_url),
                character=person.get("character"),
            )
            for person in json.loads(row["top_cast"])
        ],
    )


def film_answer(film: AnsweredFilm, image_base_url: str) -> FilmAnswer:
    """Return one answered film from its row."""
    return FilmAnswer(
        position=film.position,
        title=film.title,
        year=film.year,
        outcome=film.outcome,
        poster_url=poster_url(film.poster_path, image_base_url),
    )
