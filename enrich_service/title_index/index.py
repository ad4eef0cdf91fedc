"""What a daemon learns of titles and asks of them; the index itself lives in PostgreSQL."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import structlog

from enrich_service.matching.asked_titles import read_asked
from enrich_service.matching.guesses import choose_guess
from enrich_service.matching.known_films import (
    asked_names,
    choose_known,
    index_names,
)
from enrich_service.storage.statement_errors import STATEMENT_FAILED, described
from enrich_service.storage.titles import UNKNOWN_YEAR, TitleRow
from enrich_service.title_index.exported_films import name_hash
from enrich_service.tmdb.models import SearchMovie
from enrich_service.tmdb.requests import LAST_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from enrich_service.lookups import GuessResult
    from enrich_service.matching.guesses import Guess
    from enrich_service.matching.match_choice import Match
    from enrich_service.options import WorkerOptions
    from enrich_service.storage import StorageService
    from enrich_service.storage.titles import IndexedFilm
    from enrich_service.tmdb.models import MovieDetails, SearchPage

GATHER_SECONDS = 0.03
LARGEST_INTEGER = 2**31 - 1
"""Of PostgreSQL's; TMDB's numbers have no bound."""
MOST_WAITING = 5_000
"""Rows that wait for a database that does not answer; what is more is learned another time."""

log = structlog.get_logger(__name__)


class TitleIndex:
    """The daemon's side of the index.

    Args:
        storage: where the index is.
        options: how old a record may be that need not be asked for again, and how many votes a
            film must have that is learned though nobody asked for it; 0 keeps no index. Whether
            TMDB's export is loaded.
        observe_guess: told what came of each guess.
    """

    def __init__(
        self,
        storage: StorageService,
        options: WorkerOptions,
        observe_guess: Callable[[GuessResult], None] = lambda _: None,
    ) -> None:
        self.observe_guess = observe_guess
        self._exports = storage.exports
        self._guesses = bool(options.index_votes and options.export_url)
        self._storage = storage.titles
        self._surveys = storage.surveys
        self._catalogue_days = options.refresh_days
        self._least_votes = options.index_votes
        self._learned: dict[tuple[str, int, int], TitleRow] = {}
        self._arrived = asyncio.Event()

    def learn(self, films: Iterable[SearchMovie | MovieDetails]) -> None:
        """Remember films for the next flush."""
        if self._least_votes and len(self._learned) < MOST_WAITING:
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
        except STATEMENT_FAILED as error:
            log.warning("titles_not_learned", rows=len(rows), **described(error))

    async def known(self, title: str, year: int) -> Match | None:
        """The film that a title and year mean, if the index is certain of it."""
        if not self._least_votes:
            return None
        namesakes = await self._storage.namesakes(asked_names(title), year)
        films = [_as_found(film) for film in namesakes.films]
        return choose_known(title, year, films, is_complete=namesakes.is_complete)

    async def may_have_namesake(self, title: str, year: int) -> bool:
        """Whether the index has a film of this title from about a year or without one.

        Without an index there may always be one.
        """
        if not self._least_votes:
            return True
        return bool((await self._storage.namesakes(asked_names(title), year)).films)

    async def guess(self, title: str, year: int) -> Guess | None:
        """The film whose details are to be asked for before any search, if there is one."""
        if not self._guesses:
            return None
        asked = read_asked(title)
        hashes = {name_hash(text) for text in (asked.text, asked.whole) if text}
        found = await self._exports.namesakes(hashes, asked_names(title))
        return choose_guess(year, found.popularities, found.years)

    async def turn_over(self, year: int, page: int, answer: SearchPage) -> bool:
        """Learn a page of a year's films; whether it was the last that is wanted.

        The last one shows films with fewer votes than are wanted, or is the last there is.
        """
        # Not with what is learned by the way: a page that could not be written is not turned over.
        await self._storage.learn(_rows(answer.results))
        is_end = page >= answer.total_pages
        few = [film for film in answer.results if film.vote_count < self._least_votes]
        is_last = is_end or bool(few) or page == LAST_PAGE
        await self._surveys.turn_over(year, page, is_last=is_last, is_complete=is_end)
        return is_last

    async def fresh_record(self, film: int | str) -> int | None:
        """The TMDB id of a film, named by its TMDB or IMDb id, whose record needs no request."""
        return await self._storage.fresh_record(film, self._catalogue_days)

    async def other_names(self, film: int) -> tuple[str, ...] | None:
        """The further titles of a film, by its TMDB id, if they are known without a request."""
        return await self._storage.other_names(film, self._catalogue_days)


def _rows(films: Iterable[SearchMovie | MovieDetails]) -> Iterable[TitleRow]:
    for film in films:
        original = film.original_title or film.title
        if film.id > LARGEST_INTEGER:
            continue  # no column holds it
        votes = min(film.vote_count, LARGEST_INTEGER)
        for name in index_names(film.title, original):
            yield TitleRow(name, film.year or UNKNOWN_YEAR, film.id, film.title, original, votes)


def _as_found(film: IndexedFilm) -> SearchMovie:
    """The film as a search would have shown it, as far as choosing needs it."""
    return SearchMovie(
        id=film.tmdb_id,
        title=film.title,
        original_title=film.original_title,
        release_date=None if film.year is None else dt.date(film.year, 1, 1),
        vote_count=film.vote_count,
    )
