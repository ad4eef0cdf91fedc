"""The stand-in's answers without its server: a resolver's requests read the catalogue."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING
from uuid import uuid4

from enrich_service.lookups import Claim
from enrich_service.matching.lookup_resolver import LookupResolver
from enrich_service.tmdb.answers import read_answer
from local_stack.tmdb.catalogue import Page
from local_stack.tmdb.payloads import details_of, found_by_imdb_id, page_of, show_page_of
from local_stack.tmdb.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from enrich_service.lookups import Completion, GuessResult
    from enrich_service.matching.guesses import Guess
    from enrich_service.matching.match_choice import Match
    from enrich_service.title_index.index import TitleIndex
    from enrich_service.tmdb.models import MovieDetails, SearchMovie
    from enrich_service.tmdb.requests import T_co, TMDBRequest
    from local_stack.tmdb.catalogue import Catalogue
    from local_stack.tmdb.film import Film

_FILM = re.compile(r"/3/movie/(?P<id>tt\d+|\d+)")


class NoIndex:
    """A title index that learns nothing, so that each film is searched for."""

    def learn(self, films: Iterable[SearchMovie | MovieDetails], /) -> None:
        """Forget them."""

    async def known(self, title: str, year: int, /) -> Match | None:  # noqa: ARG002  # it knows none
        """None."""
        return None

    async def guess(self, title: str, year: int, /) -> Guess | None:  # noqa: ARG002  # it has no export
        """None."""
        return None

    def observe_guess(self, result: GuessResult, /) -> None:
        """There are none."""

    async def flush(self) -> None:
        """There is nothing to write."""

    async def fresh_record(self, film: int | str, /) -> int | None:  # noqa: ARG002  # it has none
        """None."""
        return None

    async def other_names(self, film: int, /) -> tuple[str, ...] | None:  # noqa: ARG002  # nor here
        """None."""
        return None

    async def may_have_namesake(self, title: str, year: int, /) -> bool:  # noqa: ARG002  # nobody asks
        """It cannot tell."""
        return True


class InProcess:
    """Answers what courses ask, byte for byte as the stand-in's server would.

    Args:
        catalogue: the stand-in's.
        index: what the courses know without asking.
        revealed: how large a part of all films is ever shown beside another.
    """

    def __init__(
        self, catalogue: Catalogue, index: TitleIndex | None = None, *, revealed: float = 1.0
    ) -> None:
        self._catalogue = catalogue
        self._index: TitleIndex | NoIndex = index or NoIndex()
        self._revealed = revealed
        self.learns = True
        """Whether what one answer taught is known to the next."""
        self.asked: Counter[str] = Counter()
        """Requests by route."""

    async def __call__(self, request: TMDBRequest[T_co], /) -> T_co:
        """Answer one request; raises a TMDBError as the client would."""
        self.asked[request.route] += 1
        query = dict(request.query)
        status, body = 200, self._body(request.path, query)
        if body is None:
            refusal = Refusal.NOT_FOUND.answer()
            status, body = refusal.status, bytes(refusal.body or b"")  # type: ignore[arg-type]  # aiohttp types a body as anything
        return read_answer(request, status, {}, body)

    async def look_up(self, key: str, title: str | None = None) -> Completion:
        """Run one lookup's whole course, and let what it taught be known to the next."""
        done = await LookupResolver(Claim(1, key, title, 0, uuid4()), self, self._index).run()
        if self.learns:
            await self._index.flush()
        return done

    def _body(self, path: str, query: dict[str, str]) -> bytes | None:
        catalogue = self._catalogue
        if path == "/3/search/movie":
            return page_of(
                catalogue.search(
                    query["query"],
                    _number(query.get("year")),
                    _number(query.get("primary_release_year")),
                    int(query.get("page", 1)),
                )
            )
        if path == "/3/search/tv":
            return show_page_of(catalogue.search_television(query["query"]))
        if path.startswith("/3/find/"):
            name = path.rpartition("/")[2]
            return found_by_imdb_id(
                catalogue.film_by_imdb_id(name), catalogue.show_by_imdb_id(name)
            )
        if path == "/3/discover/movie":
            entries = catalogue.discover(
                query["sort_by"],
                query["primary_release_date.gte"],
                query["primary_release_date.lte"],
            )
            return page_of(Page.cut(entries, int(query["page"])))
        film = self._film(path)
        if film is None:
            return None
        appended = query.get("append_to_response", "").split(",")
        return details_of(film, catalogue, appended, self._revealed)

    def _film(self, path: str) -> Film | None:
        named = _FILM.fullmatch(path)
        if named is None:
            raise ValueError(f"nothing answers {path} here")
        name = named["id"]
        if name.startswith("tt"):
            return self._catalogue.film_by_imdb_id(name)
        return self._catalogue.film(int(name))


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
