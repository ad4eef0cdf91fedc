"""Films of a session as the database wrote them out, for more files to be merged into."""

from __future__ import annotations

import json
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from api_service.lists.film import Film, interned
from api_service.lists.merging.copy_format import movie_line
from api_service.lists.model import StoredFilm, UserMarks
from api_service.lists.values.ratings import rating_reader
from shared.lookup_keys import LookupKind, imdb_key, parse_key, title_key, tmdb_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_stars = rating_reader(5)
_BEFORE_ALL = 2**40
"""So much is a known film's place in canonical order before that of any row."""


def line_hash(film: Film) -> int:
    """Return a hash of a stored film's line of COPY input, which tells whether it has changed."""
    if film.stored is None:
        raise ValueError("the session does not have this film")
    return hash(movie_line(film.stored.position, film, None))


def read_session_films(path: Path) -> Iterator[Film]:
    """Yield the films of a file that COPY wrote in text format, each line an array of JSON.

    The columns are those of `storage.additions`.
    """
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            # JSON has no line breaks and tabs of its own, so that backslashes are all it escapes.
            yield _film(json.loads(line.replace("\\\\", "\\")))


@lru_cache(maxsize=16_384)
def _day(text: str) -> date:
    return date.fromisoformat(text)


def _film(values: list[Any]) -> Film:
    position, lookup_key, found_tmdb_id, found_imdb_id, title, year, watched, rating = values[:8]
    dates, rewatches, liked, tags, review, in_watchlist, lists, source_url, origins = values[8:]
    title = title or ""
    key = title_key(title, year) if title else ""
    if key == lookup_key:
        key = lookup_key  # one text in place of two
    film = Film(title, year, key, position - _BEFORE_ALL)
    film.restore(origins or {}, source_url)
    marks = UserMarks(
        watched=watched,
        watch_dates=[*map(_day, dates)],
        rewatches=rewatches,
        liked=liked,
        tags=[*map(interned, tags)],
        in_watchlist=in_watchlist,
        lists=[*map(interned, lists)],
    )
    film.add_marks(marks)
    film.set_rating_and_review(_stars(rating) if rating else None, review)
    _adopt_asked_id(film, lookup_key)
    film.stored = stored = StoredFilm(position, lookup_key, found_tmdb_id, found_imdb_id, key)
    stored.tmdb_id, stored.imdb_id = film.tmdb_id, film.imdb_id
    stored.line_hash = line_hash(film)
    return film


def _adopt_asked_id(film: Film, lookup_key: str) -> None:
    """Make the corrected id the film's own, with the former ones as aliases."""
    asked = parse_key(lookup_key)
    if asked.kind not in {LookupKind.TMDB, LookupKind.IMDB}:
        return
    own = [
        *([tmdb_key(film.tmdb_id)] if film.tmdb_id else ()),
        *([imdb_key(film.imdb_id)] if film.imdb_id else ()),
    ]
    if lookup_key in own:
        return
    film.add_aliases(*own)
    film.tmdb_id = int(asked.subject) if asked.kind is LookupKind.TMDB else None
    film.imdb_id = asked.subject if asked.kind is LookupKind.IMDB else None
