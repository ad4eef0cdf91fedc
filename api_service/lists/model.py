"""Inputs and outputs of list reading: files, sightings of films, the result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from api_service.lists.values.ratings import Rating
    from api_service.lists.values.states import State


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of an upload.

    Attributes:
        name: as the client gave it, with folders, or "".
        path: where it is.
        from_zip: whether it came in a zip, into which people pack what is no list, too, or is one
            of a workbook's sheets.
        numbered: whether it is a CSV of this process's own, whose rows begin with their numbers.
        aside: why it is not read, if it is not.
    """

    name: str
    path: Path
    from_zip: bool = False
    numbered: bool = False
    aside: str | None = None


@dataclass(frozen=True, slots=True)
class SessionFilms:
    """The films of a session that more files are added to.

    Attributes:
        path: a file with a line for each, as `session_films.read_session_films` reads it.
        mark: how the rows of its exports name the session.
        last_position: the largest that any movie of it ever had.
    """

    path: Path
    mark: str
    last_position: int


class Sighting(NamedTuple):
    """What one row says of one film. `key` is the title lookup key, "" without a title.

    A tuple, because one is made for every row: a dataclass takes twice the time.
    """

    line: int
    title: str
    year: int | None
    key: str
    address: str
    tmdb_id: int | None
    imdb_id: str | None
    rating: Rating | None
    written: date | None
    watch_date: date | None
    rewatch: bool
    plays: int
    tags: str
    review: str
    own_id: str
    """The id of the service that the list is from, with that one's name."""
    state: State | None = None
    """What the row states; where it states nothing, its file's kind tells."""
    planned: bool = False
    """On the watchlist, though it may be seen."""
    liked: bool = False
    lists: tuple[str, ...] = ()
    more_days: tuple[date, ...] = ()


@dataclass(slots=True)
class StoredFilm:
    """A film as the session has stored it.

    Attributes:
        position: of the movie.
        lookup_key: the question that it has.
        found_tmdb_id: of the film that was found.
        found_imdb_id: of the film that was found.
        key: its title key at first.
        tmdb_id: its own at first, from the user.
        imdb_id: likewise.
        line_hash: of its line of COPY input, which tells whether anything has changed.
        repointed_to: the question that the user asks now, if another.
    """

    position: int
    lookup_key: str
    found_tmdb_id: int | None
    found_imdb_id: str | None
    key: str = ""
    tmdb_id: int | None = None
    imdb_id: str | None = None
    line_hash: int = 0
    repointed_to: str | None = None


@dataclass(frozen=True, slots=True)
class UserMarks:
    """What the user says of a film as a whole."""

    watched: bool = False
    watch_dates: Sequence[date] = ()
    rewatches: int = 0
    liked: bool = False
    tags: Sequence[str] = ()
    in_watchlist: bool = False
    lists: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What the API needs to know of an upload that was read: small, and safe to send by pickle.

    Attributes:
        total_movies: films in all, those that the session had included.
        added: rows in `movies.csv` that are new films; they stand last.
        changed: rows in `movies.csv` of films that the session had.
        summary: the report with no more than its first 20 rejected rows and 20 notes.
    """

    total_movies: int
    added: int
    changed: int
    summary: dict[str, Any]
