"""Resolution of one lookup: which requests answer its question, and what their answers mean."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from enrich_service.lookups import Completion, Film, GuessResult
from enrich_service.matching.asked_titles import read_asked
from enrich_service.matching.guesses import confirm
from enrich_service.matching.known_films import asked_year, is_still
from enrich_service.matching.match_choice import (
    ALTERNATIVE,
    Match,
    NoMatch,
    NoMatchReason,
    choose_match,
    list_candidates,
    may_have_another_name,
)
from enrich_service.matching.search_plan import neighbour_plan, search_plan, slip_plan
from enrich_service.matching.title_agreement import Agreement, agreement
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

    from enrich_service.lookups import Claim
    from enrich_service.matching.guesses import Guess
    from enrich_service.matching.match_choice import Candidate
    from enrich_service.matching.search_plan import PlannedSearch
    from enrich_service.tmdb.models import MovieDetails, SearchMovie
    from enrich_service.tmdb.requests import T_co, TMDBRequest
    from shared.lookup_keys import LookupKey

TOP_CAST = 20
CERTAIN = 100
# None of the films found has this title, or none of them is of its year.
_MAY_BE_ANOTHER = frozenset(
    {NoMatchReason.NO_CANDIDATES, NoMatchReason.OTHER_TITLE, NoMatchReason.OTHER_YEAR}
)
_MAY_BE_TELEVISION = _MAY_BE_ANOTHER - {NoMatchReason.OTHER_YEAR}


class Ask(Protocol):
    """How a resolver sends its requests."""

    async def __call__(self, request: TMDBRequest[T_co], /) -> T_co:
        """Send a request within the budget and read its answer; raises a TMDBError."""


class Index(Protocol):
    """What is known without asking TMDB."""

    def learn(self, films: Iterable[SearchMovie | MovieDetails], /) -> None:
        """Remember films that an answer spoke of."""

    async def known(self, title: str, year: int, /) -> Match | None:
        """The film that a title and year mean, if that is as certain as a search makes it."""

    async def guess(self, title: str, year: int, /) -> Guess | None:
        """The film whose details are to be asked for before any search, if there is one."""

    def observe_guess(self, result: GuessResult, /) -> None:
        """Count a guess and what came of it."""

    async def fresh_record(self, film: int | str, /) -> int | None:
        """The TMDB id of a film, named by its TMDB or IMDb id, whose record needs no request."""

    async def other_names(self, film: int, /) -> tuple[str, ...] | None:
        """The further titles of a film, by its TMDB id, if they are known without a request."""

    async def may_have_namesake(self, title: str, year: int, /) -> bool:
        """Whether there may be a film of this title in or about a year, as far as is known."""


@dataclass(frozen=True, slots=True)
class LookupResolver:
    """Answers the question of one claim.

    Attributes:
        claim: whose question.
        ask: how requests are sent. Errors other than "no such film" pass through.
        index: what is known without asking; it learns from every answer.
    """

    claim: Claim
    ask: Ask
    index: Index

    async def run(self) -> Completion:
        """Ask TMDB what the key asks for, or only for the film that it was found to be."""
        if known := self.claim.refreshes:
            try:
                details = await self._details(known.tmdb_id)
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
            case LookupKind.SURVEY | LookupKind.CHANGES:
                raise ValueError("this is no question after one film")

    async def _details(self, film: int | str) -> MovieDetails:
        details = await self.ask(movie_details(film))
        self.index.learn((details, *details.related))
        return details

    async def _by_tmdb_id(self, tmdb_id: int) -> Completion:
        if await self.index.fresh_record(tmdb_id):
            return self._known(tmdb_id, CERTAIN, "tmdb id")
        try:
            details = await self._details(tmdb_id)
        except NotFoundError:
            return self._unknown_id("unknown_id")
        return self._found(details, CERTAIN, "tmdb id")

    async def _by_imdb_id(self, imdb_id: str) -> Completion:
        if tmdb_id := await self.index.fresh_record(imdb_id):
            return self._known(tmdb_id, CERTAIN, "imdb id")
        try:
            details = await self._details(imdb_id)
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
        if done := await self._without_search(title, asked_year(title, key.year)):
            return done
        guessed = await self._guessed(title, asked_year(title, key.year))
        if isinstance(guessed, Completion):
            return guessed
        choice = await self._search(title, key.year)
        if isinstance(choice, Completion):
            return choice
        if isinstance(choice, Match):
            return await self._chosen(choice, guessed)
        if choice.reason in _MAY_BE_TELEVISION and await self._is_television(title):
            return self._not_found("tv")
        return self._not_found(choice.reason, choice.candidates)

    async def _chosen(self, match: Match, guessed: MovieDetails | None) -> Completion:
        if guessed is not None and guessed.id == match.tmdb_id:
            return self._found(guessed, match.confidence, match.reason, match.others)
        if await self.index.fresh_record(match.tmdb_id):
            return self._known(match.tmdb_id, match.confidence, match.reason, match.others)
        try:
            details = await self._details(match.tmdb_id)
        except NotFoundError:
            return self._not_found("gone", match.others)
        return self._found(details, match.confidence, match.reason, match.others)

    async def _without_search(self, title: str, year: int | None) -> Completion | None:
        """Answer with the film that the index knows by this title and year, if it still has them.

        What TMDB tells of it decides, and if that is something else after all, a search does.
        """
        if year is None:
            return None
        if (match := await self.index.known(title, year)) is None:
            return None
        if await self.index.fresh_record(match.tmdb_id):
            return self._known(match.tmdb_id, match.confidence, match.reason)
        try:
            details = await self._details(match.tmdb_id)
        except NotFoundError:
            return None
        if not is_still(title, year, details):
            return None
        return self._found(details, match.confidence, match.reason)

    async def _guessed(self, title: str, year: int | None) -> Completion | MovieDetails | None:
        """Answer with the film that the export suggests, if its details leave no doubt.

        If they do, they are returned: the search may choose the film none the less.
        """
        if year is None or (guess := await self.index.guess(title, year)) is None:
            return None
        try:
            details = await self._details(guess.tmdb_id)
        except NotFoundError:  # removed since the export was made
            self.index.observe_guess(GuessResult.UNSETTLED)
            return None
        match = confirm(guess, title, year, details)
        self.index.observe_guess(GuessResult.CONFIRMED if match else GuessResult.UNSETTLED)
        if match is None:
            return details
        return self._found(details, match.confidence, match.reason)

    async def _search(self, title: str, year: int | None) -> Match | NoMatch | Completion:
        films: list[SearchMovie] = []
        choice: Match | NoMatch = choose_match(title, year, films)
        crowded = False
        named: Completion | None = None

        async def follow(
            plan: Iterable[PlannedSearch], *, heeds_names: bool = False, is_last: bool = False
        ) -> None:
            nonlocal choice, crowded, named
            for search in plan:
                page = await self.ask(search_movie(search.query, year=search.year))
                films.extend(page.results)
                self.index.learn(page.results)
                choice = choose_match(title, year, films)
                crowded = crowded or (search.year is None and page.total_pages > 1)
                is_enough = is_last or search.year is None
                if choice.is_final or (isinstance(choice, Match) and is_enough):
                    break
                if heeds_names and _may_be_another(choice):
                    # Where records tell it, nothing more has to be searched for.
                    named = await self._by_another_name(title, year, films, may_ask=False)
                    if named:
                        break

        await follow(search_plan(title, year), heeds_names=True)
        if named:
            return named
        if isinstance(choice, Match) and not choice.is_final and crowded and year is not None:
            await follow(neighbour_plan(title, year))
        if _may_be_another(choice):
            if known_otherwise := await self._by_another_name(title, year, films):
                return known_otherwise
            await follow(slip_plan(title, year), is_last=True)
        return choice

    async def _by_another_name(
        self, title: str, year: int | None, films: list[SearchMovie], *, may_ask: bool = True
    ) -> Completion | None:
        """Answer with the one film of the few that fit but for their titles that has this one, too.

        Args:
            title: as the list has it.
            year: of release.
            films: what was found so far.
            may_ask: whether films of which no record tells are asked for.
        """
        asked = read_asked(title)
        bearers: dict[int, MovieDetails | None] = {}
        for film in may_have_another_name(title, year, films):
            names, details = await self.index.other_names(film.id), None
            if names is None and not may_ask:
                return None
            if names is None:
                with contextlib.suppress(NotFoundError):
                    details = await self._details(film.id)
                names = details.other_names if details else ()
            if any(agreement(asked, name, None) >= Agreement.BRACKETED for name in names):
                bearers[film.id] = details
        if len(bearers) != 1:
            return None
        if not may_ask and await self._may_have_namesake(title, year):
            return None  # a search without the year is to show it, as if no record told anything
        ((tmdb_id, details),) = bearers.items()
        others = list_candidates(title, year, films, besides=tmdb_id)
        reason = "alternative title, same year"
        if details is None:
            return self._known(tmdb_id, ALTERNATIVE, reason, others)
        return self._found(details, ALTERNATIVE, reason, others)

    async def _may_have_namesake(self, title: str, year: int | None) -> bool:
        known_year = asked_year(title, year)
        return known_year is None or await self.index.may_have_namesake(title, known_year)

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
        self.index.learn(page.results)
        return self._not_found("ambiguous", list_candidates(title, key.year, page.results))

    def _found(
        self,
        details: MovieDetails,
        confidence: int,
        reason: str | None,
        others: tuple[Candidate, ...] = (),
    ) -> Completion:
        return Completion(
            self.claim,
            Outcome.FOUND,
            reason,
            film=film_of(details),
            confidence=confidence,
            candidates=_as_json(others),
        )

    def _known(
        self, tmdb_id: int, confidence: int, reason: str, others: tuple[Candidate, ...] = ()
    ) -> Completion:
        return Completion(
            self.claim,
            Outcome.FOUND,
            reason,
            recorded=tmdb_id,
            confidence=confidence,
            candidates=_as_json(others),
        )

    def _not_found(self, reason: str, candidates: tuple[Candidate, ...] = ()) -> Completion:
        return Completion(self.claim, Outcome.NOT_FOUND, reason, candidates=_as_json(candidates))

    def _unknown_id(self, reason: str) -> Completion:
        return Completion(self.claim, Outcome.NOT_FOUND, reason, unknown_id=True)


def _may_be_another(choice: Match | NoMatch) -> bool:
    return isinstance(choice, NoMatch) and choice.reason in _MAY_BE_ANOTHER


def _as_json(candidates: tuple[Candidate, ...]) -> tuple[dict[str, object], ...]:
    return tuple(asdict(candidate) for candidate in candidates)


def film_of(details: MovieDetails) -> Film:
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
        other_names=details.other_names,
    )
