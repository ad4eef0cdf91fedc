"""Which rows mean the same film: by its address, by an id, or by title and year."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from api_service.lists.merging.films import MOST_NAMES, Film
from api_service.lists.model import ListRefused, Problem, Refusal
from shared.lookup_keys import imdb_key, tmdb_key, twins_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api_service.lists.model import Layout, Sighting
    from api_service.lists.report import FileJournal

MOST_NAMESAKES: Final = 20
"""Films of one title and year that are looked through; a list of 200,000 is not to take hours."""


@dataclass(slots=True)
class Source:
    """A file whose rows are being merged.

    Attributes:
        layout: how it is read.
        journal: where its peculiarities are noted.
        first_order: what its line numbers are added to, to give each row its canonical place.
        films: the films it spoke of.
    """

    layout: Layout
    journal: FileJournal
    first_order: int
    films: set[Film] = field(default_factory=set)


class FilmMerger:
    """Gathers the distinct films of one upload.

    Rows that carry the address of a film come first: `add_addressed`. Only when all of those are
    in is it known which titles stand for two films, and the rest can be told: `add_entry`.
    """

    subject: ClassVar = "the upload has"

    def __init__(self, max_movies: int) -> None:
        self._max_movies = max_movies
        self._films: list[Film] = []
        self._by_address: dict[str, Film] = {}
        self._by_id: dict[str, Film] = {}
        self._by_own_id: dict[str, Film] = {}
        # A film where there is one of a title, as there is of most.
        self._by_title: dict[str, Film | tuple[Film, ...]] = {}
        self._absorbed = 0
        self._watched: set[Film] = set()
        self._without_address: list[tuple[Source, Sighting]] = []

    def add_addressed(self, sighting: Sighting, source: Source) -> Film | None:
        """Add a row of a file whose addresses are the films' own; its film, if it has an address.

        Raises:
            ListRefused: too many films.
        """
        if not sighting.address:
            self._without_address.append((source, sighting))
            return None
        address = normal_address(sighting.address)
        film = self._by_address.get(address)
        if film is None:
            film = self._film_at(address, sighting, source)
            film.addresses += (sighting.address,)
            self._by_address[address] = film
        if sighting.tmdb_id or sighting.imdb_id:
            self._identify(film, sighting, source)
        self._record(film, sighting, source)
        return film

    def add_rows_without_address(self) -> None:
        """Add the rows that `add_addressed` had to put off, once that has had every row.

        Raises:
            ListRefused: too many films.
        """
        # Of films that share title and year, those that are known to be watched: entries are
        # taken for these, and one entry must not decide what the next one is taken for.
        self._watched = {
            film
            for films in self._by_title.values()
            if isinstance(films, tuple)
            for film in films
            if film.watched
        }
        for source, sighting in self._without_address:
            self.add_entry(sighting, source)
        self._without_address.clear()

    def add_entry(self, sighting: Sighting, source: Source) -> Film:
        """Add a row that tells its film by an id, or by title and year alone; that film.

        Raises:
            ListRefused: too many films.
        """
        if sighting.tmdb_id or sighting.imdb_id:
            film = self._film_by_id(sighting, source)
        else:
            film = self._film_by_title(sighting, source)
        if sighting.own_id:
            self._own(film, sighting.own_id)
        self._record(film, sighting, source)
        return film

    def films(self) -> list[Film]:
        """The distinct films: watched ones first, each part in canonical order."""
        films = [film for film in self._films if film.same_as is None]
        films.sort(key=lambda film: (not film.watched, film.order))
        return films

    def count(self, source: Source) -> int:
        """How many distinct films a file spoke of."""
        return len(set(map(self._resolve, source.films)))

    def spoken_of(self, sources: Iterable[Source]) -> set[Film]:
        """The distinct films that these files spoke of."""
        return {self._resolve(film) for source in sources for film in source.films}

    def lookup_key(self, film: Film) -> str:
        """The question to TMDB that finds this film."""
        if film.tmdb_id:
            return tmdb_key(film.tmdb_id)
        if film.imdb_id:
            return imdb_key(film.imdb_id)
        if isinstance(self._by_title[film.key], tuple) and len(self._named(film.key)) > 1:
            return twins_key(film.title, film.year)
        return film.key

    def _film_at(self, address: str, sighting: Sighting, source: Source) -> Film:
        """The film at an address not seen before.

        One film may have an address in short and one in long form, but not two of one form.
        """
        form = _host(address)
        open_to_it = [
            film
            for film in self._named(sighting.key)
            if len(film.addresses) < MOST_NAMES
            and all(_host(normal_address(known)) != form for known in film.addresses)
        ]
        if not open_to_it:
            return self._new(sighting, source)
        return self._first(open_to_it, sighting, source)

    def _film_by_title(self, sighting: Sighting, source: Source) -> Film:
        if sighting.address and self._by_address:
            film = self._by_address.get(normal_address(sighting.address))
            if film:
                return film
        if sighting.own_id and (known := self._by_own_id.get(sighting.own_id)):
            return self._resolve(known)
        candidates = self._named(sighting.key)
        if sighting.own_id:
            candidates = [film for film in candidates if not _is_other(film, (sighting.own_id,))]
        if not candidates:
            return self._new(sighting, source)
        return self._first(candidates, sighting, source)

    def _first(self, candidates: list[Film], sighting: Sighting, source: Source) -> Film:
        spelled_so = [film for film in candidates if film.title == sighting.title]
        candidates = spelled_so or candidates
        certain = sum(film in self._watched for film in candidates)
        if len(candidates) > 1 and certain != 1:
            source.journal.note(
                sighting.line,
                Problem.AMBIGUOUS_FILM,
                f"{len(candidates)} films of the upload have this title and year; "
                "taken for the first of them that was watched",
            )
        return min(candidates, key=lambda film: (film not in self._watched, film.order))

    def _film_by_id(self, sighting: Sighting, source: Source) -> Film:
        known = [self._by_id[key] for key in id_keys(sighting) if key in self._by_id]
        own = (sighting.own_id,) if sighting.own_id else ()
        if own and own[0] in self._by_own_id:
            known.append(self._by_own_id[own[0]])
        namesakes = [
            film
            for film in self._named(sighting.key)
            if not (_clash(film, sighting) or (own and _is_other(film, own)))
        ]
        if len(namesakes) == 1:
            known += namesakes
        film = self._resolve(known[0]) if known else self._new(sighting, source)
        for other in map(self._resolve, known[1:]):
            if (
                other is not film
                and not _clash(film, other)
                and not _is_other(film, other.own_ids)
                and not (film.known and other.known)
            ):
                film, other = (other, film) if other.known else (film, other)  # noqa: PLW2901  # the known one stays
                film.absorb(other)
                self._absorbed += 1
        self._identify(film, sighting, source)
        return film

    def _identify(self, film: Film, sighting: Sighting, source: Source) -> None:
        if _clash(film, sighting):
            source.journal.note(
                sighting.line,
                Problem.CONFLICTING_IDS,
                "another row of this film has a different id; that one is used",
            )
        film.tmdb_id = film.tmdb_id or sighting.tmdb_id
        film.imdb_id = film.imdb_id or sighting.imdb_id
        for key in id_keys(film):
            self._by_id.setdefault(key, film)

    def _own(self, film: Film, own_id: str) -> None:
        """Remember the id that the service of a list has for a film."""
        if own_id not in film.own_ids and len(film.own_ids) < MOST_NAMES:
            film.own_ids += (own_id,)
        self._by_own_id.setdefault(own_id, film)

    def _record(self, film: Film, sighting: Sighting, source: Source) -> None:
        order = source.first_order + sighting.line
        if film.order != order:
            source.journal.merge(sighting.line, film)
        film.record(sighting, source.layout, order)
        source.films.add(film)
        if sighting.key != film.key:
            self._call(film, sighting.key)
            film.go_by(sighting.key)
        self._call(film, film.key)

    def _call(self, film: Film, key: str) -> None:
        if not key:  # films without titles are no namesakes, and there may be 100,000 of them
            return
        films = self._by_title.get(key)
        if films is None:
            self._by_title[key] = film
        elif isinstance(films, Film):
            if films is not film:
                self._by_title[key] = (films, film)
                films.has_namesake = film.has_namesake = True
        elif len(films) < MOST_NAMESAKES and film not in films:
            self._by_title[key] = (*films, film)
            film.has_namesake = True

    def _named(self, key: str) -> list[Film]:
        """The films that go by this title and year."""
        films = self._by_title.get(key) if key else None
        if films is None:
            return []
        if isinstance(films, Film):
            return [self._resolve(films)]
        return list(dict.fromkeys(map(self._resolve, films)))

    @staticmethod
    def _resolve(film: Film) -> Film:
        root = film
        while root.same_as:
            root = root.same_as
        while film.same_as:  # so that no chain of films is followed twice
            film.same_as, film = root, film.same_as
        return root

    def _new(self, sighting: Sighting, source: Source) -> Film:
        if len(self._films) - self._absorbed >= self._max_movies:
            raise ListRefused(
                source.journal.name,
                Refusal.TOO_MANY_MOVIES,
                f"{self.subject} more than {self._max_movies:,} distinct films",
                sighting.line,
            )
        order = source.first_order + sighting.line
        film = Film(sighting.title, sighting.year, sighting.key, order)
        self._films.append(film)
        return film


def normal_address(address: str) -> str:
    """An address in the form that equal addresses share: no scheme, `www.` or closing slash.

    What follows the host keeps its case, which means something at boxd.it.
    """
    host, slash, path = address.split("//", 1)[1].partition("/")
    return f"{host.lower().removeprefix('www.')}{slash}{path}".rstrip("/")


def _host(address: str) -> str:
    return address.partition("/")[0]


def id_keys(named: Film | Sighting) -> list[str]:
    """The lookup keys of its ids."""
    keys = []
    if named.tmdb_id:
        keys.append(tmdb_key(named.tmdb_id))
    if named.imdb_id:
        keys.append(imdb_key(named.imdb_id))
    return keys


def _clash(film: Film, other: Film | Sighting) -> bool:
    """Whether two ids of one kind say that these are different films."""
    return bool(
        (film.tmdb_id and other.tmdb_id and film.tmdb_id != other.tmdb_id)
        or (film.imdb_id and other.imdb_id and film.imdb_id != other.imdb_id)
    )


def _is_other(film: Film, own_ids: Iterable[str]) -> bool:
    """Whether one service has different ids for these films."""
    for own_id in own_ids:
        if own_id not in film.own_ids:
            service = own_id.partition(":")[0]
            if any(known.partition(":")[0] == service for known in film.own_ids):
                return True
    return False
