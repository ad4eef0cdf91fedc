"""What a daemon learns of titles and asks of them; the index itself lives in PostgreSQL."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import structlog

from enrich_service.rules.known_films import asked_names, choose_known, index_names
from enrich_service.storage.titles import UNKNOWN_YEAR, TitleRow
from enrich_service.tmdb.models import SearchMovie
from shared.errors import ProjectionistError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from enrich_service.rules.matching import Match
    from enrich_service.storage.titles import IndexedFilm, TitleStorage
    from enrich_service.tmdb.models import MovieDetails

GATHER_SECONDS = 0.03
MOST_WAITING = 5_000
"""Rows that wait for a database that does not answer; what is more is learned another time."""

log = structlog.get_logger(__name__)


class TitleIndex:
    """The daemon's side of the index.

    Args:
        storage: where the index is.
        catalogue_days: how old a record may be that need not be asked for again.
    """

    def __init__(self, storage: TitleStorage, catalogue_days: int) -> None:
        self._storage = storage
        self._catalogue_days = catalogue_days
        self._learned: dict[tuple[str, int, int], TitleRow] = {}
        self._arrived = asyncio.Event()

    def learn(self, films: Iterable[SearchMovie | MovieDetails]) -> None:
        """Remember films for the next flush."""
        if len(self._learned) < MOST_WAITING:
            for row in _rows(films):
                self._learned[row.name, row.year, row.tmdb_id] = row
            self._arrived.set()

    async def run(self) -> None:
        """Write what was learned, until cancelled; a few films' worth at a time."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(GATHER_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Write what was learned; what cannot be written is forgotten, for it will come again."""
        self._arrived.clear()
        rows, self._learned = list(self._learned.values()), {}
        try:
            await self._storage.learn(rows)
        except ProjectionistError as error:
            log.warning("titles_not_learned", code=error.code, error=error.detail)

    async def known(self, title: str, year: int | None) -> Match | None:
        """The film that a title and year mean, if the index is certain of it."""
        if year is None:
            return None
        namesakes = await self._storage.namesakes(asked_names(title), year)
        films = [_as_found(film) for film in namesakes.films]
        return choose_known(title, year, films, is_complete=namesakes.is_complete)

    async def fresh_record(self, film: int | str) -> int | None:
        """The TMDB id of a film, named by its TMDB or IMDb id, whose record needs no request."""
        return await self._storage.fresh_record(film, self._catalogue_days)


def _rows(films: Iterable[SearchMovie | MovieDetails]) -> Iterable[TitleRow]:
    for film in films:
        original = film.original_title or film.title
        for name in index_names(film.title, original):
            yield TitleRow(
                name, film.year or UNKNOWN_YEAR, film.id, film.title, original, film.vote_count
            )


def _as_found(film: IndexedFilm) -> SearchMovie:
    """The film as a search would have shown it, as far as choosing needs it."""
    return SearchMovie(
        id=film.tmdb_id,
        title=film.title,
        original_title=film.original_title,
        release_date=None if film.year is None else dt.date(film.year, 1, 1),
        vote_count=film.vote_count,
    )
