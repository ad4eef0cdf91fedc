"""The films and shows that the stand-in serves, found by id, by title and by date."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Generic, TypeVar

from local_stack.tmdb.television import SHOWS, Show
from local_stack.tmdb.title_index import IndexedTitle, TitleIndex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from local_stack.tmdb.film import Film

PAGE_SIZE = 20
"""Entries on a page of search results, as TMDB's."""

RELATED_FILMS = 20
"""How many films a list of recommendations, or of similar films, holds."""

_SORTINGS: dict[str, Callable[[Film], float | str]] = {
    "popularity": lambda film: film.popularity,
    "vote_count": lambda film: film.vote_count,
    "vote_average": lambda film: film.vote_average,
    "primary_release_date": lambda film: film.release_date,
}


EntryT = TypeVar("EntryT")


@dataclass(frozen=True, slots=True)
class Page(Generic[EntryT]):
    """One page of an ordered answer."""

    number: int
    entries: Sequence[EntryT]
    total_results: int

    @property
    def total_pages(self) -> int:
        """How many pages the whole answer has."""
        return -(-self.total_results // PAGE_SIZE)

    @classmethod
    def cut(cls, entries: Sequence[EntryT], number: int) -> Page[EntryT]:
        """Cut page `number`, counted from 1, out of a whole answer; beyond its end is nothing."""
        start = (number - 1) * PAGE_SIZE
        return cls(number, entries[start : start + PAGE_SIZE], len(entries))


class Catalogue:
    """Films and shows in memory; nothing changes once it is made."""

    def __init__(self, films: Iterable[Film], shows: Iterable[Show] = SHOWS) -> None:
        """Index everything.

        Raises:
            ValueError: two films share an id or an IMDb id.
        """
        self.films = sorted(films, key=lambda film: (-film.popularity, film.id))
        self.shows = sorted(shows, key=lambda show: -show.popularity)
        self._by_id = {film.id: film for film in self.films}
        with_imdb_id = [film for film in self.films if film.imdb_id]
        self._by_imdb_id = {film.imdb_id: film for film in with_imdb_id}
        if len(self._by_id) < len(self.films) or len(self._by_imdb_id) < len(with_imdb_id):
            raise ValueError("two films of the catalogue share an id or an IMDb id")
        self._shows_by_imdb_id = {show.imdb_id: show for show in self.shows}
        self._film_titles = TitleIndex(map(_indexed_film, self.films))
        self._show_titles = TitleIndex(map(_indexed_show, self.shows))
        self._by_exact_title: dict[str, list[Film]] = {}
        self._by_genre: dict[str, list[Film]] = {}
        self._genre_position: dict[int, int] = {}
        self._people: dict[str, int] = {}
        for film in self.films:
            for title in {_plain(film.title), _plain(film.original_title)}:
                self._by_exact_title.setdefault(title, []).append(film)
            shelf = self._by_genre.setdefault(_shelf(film), [])
            self._genre_position[film.id] = len(shelf)
            shelf.append(film)
            for name in chain(film.directors, film.cast):
                self._people.setdefault(name, len(self._people) + 1)
        self._names = list(self._people)
        self.discover = lru_cache(maxsize=16)(self._discover)

    def film(self, film_id: int) -> Film | None:
        """The film with this TMDB id."""
        return self._by_id.get(film_id)

    def film_by_imdb_id(self, imdb_id: str) -> Film | None:
        """The film with this IMDb id (`tt` and digits)."""
        return self._by_imdb_id.get(imdb_id)

    def show_by_imdb_id(self, imdb_id: str) -> Show | None:
        """The television show with this IMDb id (`tt` and digits)."""
        return self._shows_by_imdb_id.get(imdb_id)

    def search(
        self,
        query: str,
        year: int | None = None,
        primary_release_year: int | None = None,
        page: int = 1,
    ) -> Page[Film]:
        """Films by title or original title, exact titles first, then by popularity.

        Args:
            query: each word must begin a word of one of the titles.
            year: the year of any release.
            primary_release_year: the year of the first release.
            page: counted from 1.
        """
        found = self._film_titles.search(query, year=year, first_year=primary_release_year)
        part = Page.cut(found, page)
        films = [self.films[position] for position in part.entries]
        return Page(page, films, part.total_results)

    def search_television(
        self, query: str, first_air_date_year: int | None = None, page: int = 1
    ) -> Page[Show]:
        """Television shows by name or original name, in the same order as films."""
        found = self._show_titles.search(query, first_year=first_air_date_year)
        return Page.cut([self.shows[position] for position in found], page)

    def exactly_titled(self, title: str, year: int | None) -> list[Film]:
        """Films whose title or original title is this one but for case, first shown that year."""
        films = self._by_exact_title.get(_plain(title), [])
        return [film for film in films if year is None or film.year == year]

    def recommendations(self, film: Film) -> list[Film]:
        """The next most popular films of the same genre; always the same ones."""
        return self._neighbours(film, 1)

    def similar(self, film: Film) -> list[Film]:
        """The next more popular films of the same genre; always the same ones."""
        return self._neighbours(film, -1)

    def person_id(self, name: str) -> int:
        """The number of somebody who directed or played in a film of this catalogue."""
        return self._people[name]

    def person_name(self, person_id: int) -> str | None:
        """Whose number this is."""
        return self._names[person_id - 1] if 0 < person_id <= len(self._names) else None

    def _discover(self, sort_by: str, earliest: str, latest: str) -> Sequence[Film]:
        """Films first shown between two ISO dates, "" being no bound, in TMDB's named order.

        Raises:
            KeyError: `sort_by` is no order that is known here.
        """
        name, _, direction = sort_by.partition(".")
        films = [
            film
            for film in self.films
            if (not earliest or film.release_date >= earliest)
            and (not latest or "" < film.release_date <= latest)
        ]
        return sorted(films, key=_SORTINGS[name], reverse=direction != "asc")

    def _neighbours(self, film: Film, step: int) -> list[Film]:
        shelf = self._by_genre[_shelf(film)]
        position = self._genre_position[film.id]
        count = min(RELATED_FILMS, len(shelf) - 1)
        return [shelf[(position + step * far) % len(shelf)] for far in range(1, count + 1)]


def _indexed_film(film: Film) -> IndexedTitle:
    year = film.year
    years = frozenset(film.release_years if year is None else (year, *film.release_years))
    titles = (film.title, film.original_title, *film.other_titles)
    return IndexedTitle(titles, years, year)


def _indexed_show(show: Show) -> IndexedTitle:
    return IndexedTitle((show.name, show.original_name), frozenset({show.year}), show.year)


def _plain(title: str) -> str:
    return unicodedata.normalize("NFC", title).casefold()


def _shelf(film: Film) -> str:
    return film.genres[0] if film.genres else ""
