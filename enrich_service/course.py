"""The course of one lookup: which requests answer its question, and what their answers mean."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from enrich_service.rules.matching import (
    Match,
    NoMatch,
    NoMatchReason,
    choose_match,
    list_candidates,
    neighbour_plan,
    search_plan,
    slip_plan,
)
from enrich_service.rules.titles import Agreement, agreement, read_asked
from enrich_service.storage.completions import Completion, Film
from enrich_service.tmdb.errors import NotFoundError
from enrich_service.tmdb.requests import (
    find_by_imdb_id,
    movie_details,
    search_movie,
    search_tv,
)
from shared.lookup_keys import LookupKind, parse_key
from shared.models import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from enrich_service.rules.matching import Candidate, PlannedSearch
    from enrich_service.storage.queue import Claim
    from enrich_service.tmdb.models import MovieDetails, SearchMovie
    from enrich_service.tmdb.requests import T_co, TMDBRequest
    from shared.lookup_keys import LookupKey

TOP_CAST = 20
CERTAIN = 100
# None of the films found has this title.
_MAY_BE_MISSPELT = frozenset({NoMatchReason.NO_CANDIDATES, NoMatchReason.OTHER_TITLE})
_MAY_BE_TELEVISION = _MAY_BE_MISSPELT


class Ask(Protocol):
    """How a course sends its requests."""

    async def __call__(self, request: TMDBRequest[T_co], /) -> T_co:
        """Send a request within the budget and read its answer; raises a TMDBError."""


@dataclass(frozen=True, slots=True)
class Course:
    """Answers the question of one claim.

    Attributes:
        claim: whose question.
        ask: how requests are sent. Errors other than "no such film" pass through.
    """

    claim: Claim
    ask: Ask

    async def run(self) -> Completion:
        """Ask TMDB what the key asks for, or only for the film that it was found to be."""
        if known := self.claim.refreshes:
            try:
                details = await self.ask(movie_details(known.tmdb_id))
            except NotFoundError:
                pass  # TMDB has the film no more, perhaps under another id
            else:
                return self._found(details, known.confidence, known.reason)
        key = parse_key(self.claim.key)
        match key.kind:
            case LookupKind.TMDB:
                return await self._by_tmdb_id(int(key.subject))
            case LookupKind.IMDB:
                return await self._by_imdb_id(key.subject)
            case LookupKind.TITLE:
                return await self._by_title(key)
            case LookupKind.TWINS:
                return await self._candidates_only(key)

    async def _by_tmdb_id(self, tmdb_id: int) -> Completion:
        try:
            details = await self.ask(movie_details(tmdb_id))
        except NotFoundError:
            return self._unknown_id("unknown_id")
        return self._found(details, CERTAIN, "tmdb id")

    async def _by_imdb_id(self, imdb_id: str) -> Completion:
        try:
            details = await self.ask(movie_details(imdb_id))
        except NotFoundError:
            try:
                answer = await self.ask(find_by_imdb_id(imdb_id))
            except NotFoundError:
                return self._unknown_id("unknown_id")
            if answer.is_television:
                return self._not_found("tv")
            return self._unknown_id("unknown_id")
        return self._found(details, CERTAIN, "imdb id")

    async def _by_title(self, key: LookupKey) -> Completion:
        title = self.claim.title or key.subject
        choice = await self._search(title, key.year)
        if isinstance(choice, Match):
            try:
                details = await self.ask(movie_details(choice.tmdb_id))
            except NotFoundError:
                return self._not_found("gone")
            return self._found(details, choice.confidence, choice.reason)
        if choice.reason in _MAY_BE_TELEVISION and await self._is_television(title):
            return self._not_found("tv")
        return self._not_found(choice.reason, choice.candidates)

    async def _search(self, title: str, year: int | None) -> Match | NoMatch:
        films: list[SearchMovie] = []
        choice: Match | NoMatch = choose_match(title, year, films)
        crowded = False

        async def follow(plan: Iterable[PlannedSearch]) -> None:
            nonlocal choice, crowded
            for search in plan:
                page = await self.ask(search_movie(search.query, year=search.year))
                films.extend(page.results)
                choice = choose_match(title, year, films)
                crowded = crowded or (search.year is None and page.total_pages > 1)
                if choice.is_final or (isinstance(choice, Match) and search.year is None):
                    break

        await follow(search_plan(title, year))
        if isinstance(choice, Match) and not choice.is_final and crowded and year is not None:
            await follow(neighbour_plan(title, year))
        if isinstance(choice, NoMatch) and choice.reason in _MAY_BE_MISSPELT:
            await follow(slip_plan(title, year))
        return choice

    async def _is_television(self, title: str) -> bool:
        page = await self.ask(search_tv(title))
        asked = read_asked(title)
        return any(
            agreement(asked, series.name, series.original_name) >= Agreement.SAME
            for series in page.results
        )

    async def _candidates_only(self, key: LookupKey) -> Completion:
        title = self.claim.title or key.subject
        page = await self.ask(search_movie(title, year=key.year))
        return self._not_found("ambiguous", list_candidates(title, key.year, page.results))

    def _found(self, details: MovieDetails, confidence: int, reason: str | None) -> Completion:
        return Completion(
            self.claim, Outcome.FOUND, reason, film=_film(details), confidence=confidence
        )

    def _not_found(self, reason: str, candidates: tuple[Candidate, ...] = ()) -> Completion:
        shown = tuple(asdict(candidate) for candidate in candidates)
        return Completion(self.claim, Outcome.NOT_FOUND, reason, candidates=shown)

    def _unknown_id(self, reason: str) -> Completion:
        return Completion(self.claim, Outcome.NOT_FOUND, reason, unknown_id=True)


def _film(details: MovieDetails) -> Film:
    """A catalogue row from TMDB's details."""
    return Film(
        tmdb_id=details.id,
        imdb_id=details.imdb_id,
        title=details.title,
        original_title=details.original_title or details.title,
        release_date=details.release_date,
        genres=tuple(genre.name for genre in details.genres),
        directors=tuple(
            {"id": person.id, "name": person.name, "profile_path": person.profile_path}
            for person in details.directors
        ),
        top_cast=tuple(
            {
                "id": person.id,
                "name": person.name,
                "character": person.character,
                "profile_path": person.profile_path,
            }
            for person in details.cast[:TOP_CAST]
        ),
        runtime_minutes=details.runtime,
        countries=tuple(country.iso_3166_1 for country in details.production_countries),
        languages=tuple(language.iso_639_1 for language in details.spoken_languages),
        overview=details.overview,
        poster_path=details.poster_path,
        vote_average=details.vote_average,
        vote_count=details.vote_count,
        popularity=details.popularity,
    )
