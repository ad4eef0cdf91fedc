"""Merging more files into a session: its films come first, then all goes by the same rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from api_service.lists.merging.copying import movie_line
from api_service.lists.merging.merging import FilmMerger, id_keys, normal_address
from shared.lookup_keys import LookupKind, imdb_key, tmdb_key, twins_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from api_service.lists.merging.films import Film
    from api_service.lists.merging.known import Known
    from api_service.lists.merging.merging import Source
    from api_service.lists.model import Sighting


class SessionMerger(FilmMerger):
    """Gathers the distinct films of an upload and of the session that it is added to.

    No two films that the session has ever become one.
    """

    subject: ClassVar = "with these files the session would have"

    def __init__(self, max_movies: int, known_films: Iterable[Film]) -> None:
        super().__init__(max_movies)
        self._by_position: dict[int, Film] | None = None
        for film in known_films:
            self._add_known(film)

    def _add_known(self, film: Film) -> None:
        self._films.append(film)
        for address in film.addresses:
            self._by_address.setdefault(normal_address(address), film)
        for key in (*id_keys(film), *film.also):
            if key.startswith((f"{LookupKind.TMDB}:", f"{LookupKind.IMDB}:")):
                self._by_id.setdefault(key, film)
            else:
                self._call(film, key)
        for own_id in film.own_ids:
            self._by_own_id.setdefault(own_id, film)
        self._call(film, film.key)

    def known_at(self, position: int) -> Film | None:
        """The film that the session has at this position."""
        if self._by_position is None:  # only an export names positions
            known = ((film.known, film) for film in self._films)
            self._by_position = {known.position: film for known, film in known if known}
        return self._by_position.get(position)

    def correct(self, film: Film, sighting: Sighting, source: Source) -> None:
        """Take from a row which film the movie of this known film really is.

        An id that is neither the one asked for nor the one found, else another title or year. The
        film still goes by what it was called before, so that the old list finds it.
        """
        known = _known(film)
        asked = (known.lookup_key, known.repointed_to)
        tmdb_id, imdb_id = sighting.tmdb_id, sighting.imdb_id
        if tmdb_id and tmdb_id != known.found_tmdb_id and tmdb_key(tmdb_id) not in asked:
            self._repoint(film, tmdb_key(tmdb_id), tmdb_id=tmdb_id)
        elif imdb_id and imdb_id != known.found_imdb_id and imdb_key(imdb_id) not in asked:
            self._repoint(film, imdb_key(imdb_id), imdb_id=imdb_id)
        elif sighting.key and sighting.key != film.key:
            self._repoint(film, sighting.key)
        if sighting.title:
            film.call(sighting.title, sighting.year)
            self._call(film, film.key)
        source.films.add(film)

    def _repoint(
        self, film: Film, key: str, *, tmdb_id: int | None = None, imdb_id: str | None = None
    ) -> None:
        film.go_by(*id_keys(film))
        film.tmdb_id, film.imdb_id = tmdb_id, imdb_id
        _known(film).repointed_to = key
        for id_key in id_keys(film):
            self._by_id.setdefault(id_key, film)

    def changed_lines(self) -> Iterator[str]:
        """Lines of COPY input, of known films that have changed."""
        for film in self.films():
            if film.known:
                key = self._wanted(film, film.known)
                if key or film.known.is_changed(film):
                    former_key = film.known.lookup_key if key else None
                    yield movie_line(film.known.position, film, key, former_key)

    def new_lines(self, last_position: int) -> Iterator[str]:
        """The same of new films.

        Args:
            last_position: after which they stand, watched ones first.
        """
        new = (film for film in self.films() if not film.known)
        for position, film in enumerate(new, last_position + 1):
            yield movie_line(position, film, self.lookup_key(film))

    def _wanted(self, film: Film, known: Known) -> str | None:
        """The question that finds a known film from now on; None for the one that it has.

        It is another only where something new was said: what the user corrected, and what TMDB
        answered, outlasts a list that says the same as before.
        """
        wanted = known.repointed_to
        if wanted is None and film.tmdb_id and not known.tmdb_id:
            wanted = tmdb_key(film.tmdb_id) if film.tmdb_id != known.found_tmdb_id else None
        elif wanted is None and film.imdb_id and not (known.imdb_id or known.tmdb_id):
            wanted = imdb_key(film.imdb_id) if film.imdb_id != known.found_imdb_id else None
        elif wanted is None and known.lookup_key.startswith(f"{LookupKind.TITLE}:"):
            if any(not (new.known or id_keys(new)) for new in self._named(film.key)):
                wanted = twins_key(film.title, film.year)
            elif film.key != known.key:
                wanted = film.key
        return wanted if wanted != known.lookup_key else None


def _known(film: Film) -> Known:
    if film.known is None:
        raise ValueError("the session does not have this film")
    return film.known
