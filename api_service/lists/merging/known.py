"""The films that a session has already, as the database gave them out, for more to be merged in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from api_service.lists.merging.copying import movie_line
from api_service.lists.merging.films import Film, Said, shared
from api_service.lists.values.ratings import rating_reader
from shared.lookup_keys import LookupKind, imdb_key, parse_key, title_key, tmdb_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_stars = rating_reader(5)
_BEFORE_ALL = 2**40
"""So much is a known film's place in canonical order before that of any row."""


@dataclass(slots=True)
class Known:
    """What a session has of a film.

    Attributes:
        position: of the movie.
        lookup_key: the question that it has.
        found_tmdb_id: of the film that was found.
        found_imdb_id: of the film that was found.
        key: its title key at first.
        tmdb_id: its own at first, from the user.
        imdb_id: likewise.
        line: hash of its line of COPY input, to tell whether anything has changed.
        repointed_to: the question that the user asks now, if another.
    """

    position: int
    lookup_key: str
    found_tmdb_id: int | None
    found_imdb_id: str | None
    key: str = ""
    tmdb_id: int | None = None
    imdb_id: str | None = None
    line: int = 0
    repointed_to: str | None = None

    def is_changed(self, film: Film) -> bool:
        """Whether the film is to be stored anew."""
        return hash(movie_line(self.position, film, None)) != self.line


def read_known(path: Path) -> Iterator[Film]:
    """The films of a file that COPY wrote in text format, each line an array of JSON.

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
    said = Said(
        watched=watched,
        watch_dates=[*map(_day, dates)],
        rewatches=rewatches,
        liked=liked,
        tags=[*map(shared, tags)],
        in_watchlist=in_watchlist,
        lists=[*map(shared, lists)],
    )
    film.add_said(said)
    film.set_opinion(_stars(rating) if rating else None, review)
    _take_the_id_asked_for(film, lookup_key)
    known = Known(position, lookup_key, found_tmdb_id, found_imdb_id, key)
    known.tmdb_id, known.imdb_id = film.tmdb_id, film.imdb_id
    known.line = hash(movie_line(position, film, None))
    film.known = known
    return film


def _take_the_id_asked_for(film: Film, lookup_key: str) -> None:
    """What the user corrected is the film's id; it goes by those of before too."""
    asked = parse_key(lookup_key)
    if asked.kind not in {LookupKind.TMDB, LookupKind.IMDB}:
        return
    own = [
        *([tmdb_key(film.tmdb_id)] if film.tmdb_id else ()),
        *([imdb_key(film.imdb_id)] if film.imdb_id else ()),
    ]
    if lookup_key in own:
        return
    film.go_by(*own)
    film.tmdb_id = int(asked.subject) if asked.kind is LookupKind.TMDB else None
    film.imdb_id = asked.subject if asked.kind is LookupKind.IMDB else None
