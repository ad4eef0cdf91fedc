"""Queries about a session's movies, as models of which each field is a parameter.

The models are also what describes the parameters to programs: each field is one parameter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from api_service.errors import BadRequestError
from api_service.queries.parameter_types import (
    LARGEST_YEAR,
    WITHOUT_NUL,
    DayOrSpan,
    Flag,
    Minutes,
    Name,
    PersonId,
    Positions,
    Shaped,
    Stars,
    Whole,
    searched,
    span,
)
from api_service.queries.parameters import shown
from api_service.queries.validation import explain
from shared.models import DOUBTFUL_BELOW

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from multidict import MultiMapping

OutcomeName = Literal["pending", "found", "not_found", "failed", "unmatched", "doubtful"]
SortName = Literal["position", "title", "year", "rating", "runtime", "tmdb_rating", "watched"]
ExportFormat = Literal["csv", "jsonl", "letterboxd"]

Q = TypeVar("Q", bound=BaseModel)


class MovieFilter(BaseModel):
    """Which movies of a session are meant: those that fit all that is given."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    outcome: OutcomeName | None = Field(
        None,
        description="How the look-up ended; `unmatched` is not_found and failed, `doubtful` a film "
        f"that was found with a confidence under {DOUBTFUL_BELOW}, or by a title although another "
        "film of the list, with another address or id of one service, was taken for the same one",
    )
    q: (
        Annotated[
            str,
            Field(max_length=200, json_schema_extra=WITHOUT_NUL),
            AfterValidator(searched),
        ]
        | None
    ) = Field(
        None, description="Text in a title, in the original title, in a director's or actor's name"
    )
    genre: Name | None = Field(None, description="Name of a genre, as TMDB has it")
    country: Annotated[str, Shaped("[A-Z]{2}", "two capital letters, as US")] | None = Field(
        None, description="ISO 3166 code of a country of production"
    )
    language: Annotated[str, Shaped("[a-z]{2}", "two small letters, as en")] | None = Field(
        None, description="ISO 639-1 code of a spoken language"
    )
    director: PersonId | None = Field(None, description="TMDB's id of a director")
    actor: PersonId | None = Field(None, description="TMDB's id of an actor")
    decade: Annotated[int, Whole(0, 9990, 10)] | None = Field(
        None, description="First year of the decade of release"
    )
    year: Annotated[int, Whole(1, LARGEST_YEAR)] | None = Field(
        None, description="Year of release: TMDB's, else the list's"
    )
    runtime_from: Minutes | None = Field(None, description="Minutes that it takes at least")
    runtime_to: Minutes | None = Field(None, description="Minutes that it takes at most")
    rating: Annotated[float, Stars()] | None = Field(None, description="The user's rating")
    tmdb_rating: Annotated[int, Whole(0, 10)] | None = Field(
        None, description="TMDB's rating, rounded down"
    )
    watched: Flag | None = Field(None, description="Whether it was seen")
    watchlist: Flag | None = Field(None, description="Whether it is on the watchlist")
    liked: Flag | None = Field(None, description="Whether it is liked")
    rewatched: Flag | None = Field(None, description="Whether it was seen more than once")
    tag: Name | None = Field(None, description="One of its tags")
    list_name: Name | None = Field(None, alias="list", description="Name of a list that it is on")
    watched_on: Annotated[str, DayOrSpan()] | None = Field(
        None, description="A year, month or day in which it was seen"
    )

    @property
    def watched_between(self) -> tuple[date, date] | tuple[None, None]:
        """The first day that `watched_on` means, and the first one after it."""
        return span(self.watched_on) if self.watched_on else (None, None)

    def in_order(self) -> MovieQuery:
        """Return the same movies in order of position."""
        return MovieQuery(**self.model_dump())

    @property
    def names_watched(self) -> bool:
        """Whether it says itself what is to count: watched films, or those of the watchlist."""
        return self.watched is not None or self.watchlist is not None

    @property
    def only_outcome(self) -> bool:
        """Whether nothing but the outcome is asked about."""
        others = [getattr(self, name) for name in MovieFilter.model_fields if name != "outcome"]
        return all(value is None or value == "" for value in others)


class MovieQuery(MovieFilter):
    """Which movies, and in which order."""

    sort: SortName = Field(
        "position",
        description="Newest, best, longest and latest watched first, titles from A; what lacks it "
        "comes last",
    )
    reverse: Flag = Field(default=False, description="Turn the order round")

    @property
    def in_stored_order(self) -> bool:
        """Whether the movies are wanted as they stand in the session."""
        return self.sort == "position" and not self.reverse

    @property
    def order(self) -> str:
        """The order in one word, for cursors."""
        return f"{self.sort}&reverse=true" if self.reverse else self.sort


class PageQuery(MovieQuery):
    """Which page of which movies."""

    limit: Annotated[int, Whole(1, 1000)] = Field(100, description="Movies at most")
    cursor: str | None = Field(None, description="`next_cursor` of the page before")
    positions: Annotated[list[int], Positions()] | None = Field(
        None, description="Just the movies at these positions, in this order"
    )


class ExportQuery(MovieQuery):
    """Which movies in which order, as which kind of file."""

    format: ExportFormat = Field(
        "csv", description="CSV for people, JSON lines for programs, or Letterboxd's import form"
    )

    def with_letterboxd_defaults(self) -> ExportQuery:
        """Return what it comes to: Letterboxd takes all that it is given for watched.

        So only watched movies go there, unless the filter says something of it.
        """
        if self.format == "letterboxd" and not self.names_watched:
            return self.model_copy(update={"watched": True})
        return self


class UploadQuery(BaseModel):
    """What of an upload is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    profile: list[Name] = Field(
        default=[],
        max_length=50,
        description="Name of a profile, in Netflix's copy of one's data, whose viewings are read; "
        "may be repeated, and all are read without it",
        json_schema_extra={"explode": True},
    )


def read_repeatable(model: type[Q], query: MultiMapping[str]) -> Q:
    """Read the query of a request as a model of which each field may be given several times.

    Raises:
        BadRequestError: as `read_query`.
    """
    return _read(model, {name: query.getall(name) for name in query}, query)


def read_query(model: type[Q], query: MultiMapping[str]) -> Q:
    """Return the query of a request as one of these models; of a list all that was given counts.

    Raises:
        BadRequestError: a parameter is not what it may be; it says which, and what it may be.
    """
    return _read(model, {name: ",".join(query.getall(name)) for name in query}, query)


def _read(model: type[Q], values: Mapping[str, object], query: MultiMapping[str]) -> Q:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    name = str(problem["loc"][0])
    raise BadRequestError(
        f"{name}: {explain(problem)}, not {shown(','.join(query.getall(name, ())))}"
    )
