"""What a request may ask of a session's movies: its query, read into models with a type each.

The models are also what describes the parameters to programs: each field is one parameter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import core_schema

from shared.errors import BadRequestError
from shared.models import DOUBTFUL_BELOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

OutcomeName = Literal["pending", "found", "not_found", "failed", "unmatched", "doubtful"]
SortName = Literal["position", "title", "year", "rating", "runtime", "tmdb_rating", "watched"]
ExportFormat = Literal["csv", "jsonl", "letterboxd"]

_LARGEST_INTEGER: Final = 2**31 - 1
_LARGEST_YEAR: Final = 9999
_LONGEST_NAME: Final = 1000
_LONGEST_SHOWN: Final = 40
_MOST_POSITIONS: Final = 200
_DECEMBER: Final = 12

Q = TypeVar("Q", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A whole number in plain digits; `step` is what it must be a multiple of."""

    least: int
    most: int
    step: int = 1

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        step = self.step if self.step > 1 else None
        number = core_schema.int_schema(ge=self.least, le=self.most, multiple_of=step)
        return core_schema.no_info_before_validator_function(self._read, number)

    def _read(self, value: object) -> int:
        text = str(value)
        short = len(text) <= len(str(self.most))  # int() refuses thousands of digits
        if short and text.isascii() and text.isdigit():
            number = int(text)
            if self.least <= number <= self.most and number % self.step == 0:
                return number
        steps = f" in steps of {self.step}" if self.step > 1 else ""
        raise ValueError(f"a whole number from {self.least} to {self.most}{steps}")


@dataclass(frozen=True, slots=True)
class _Shaped:
    """Text of a certain shape, and the words that say which."""

    pattern: str
    words: str

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.str_schema(pattern=f"^{self.pattern}$")
        return core_schema.no_info_before_validator_function(self._read, text)

    def _read(self, value: object) -> str:
        text = str(value)
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(self.words)
        return text


class _Stars:
    """A rating in stars: 0.5 to 5, in halves."""

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        stars = core_schema.float_schema(ge=0.5, le=5, multiple_of=0.5)
        return core_schema.no_info_before_validator_function(self._read, stars)

    @staticmethod
    def _read(value: object) -> float:
        text = str(value)
        if not re.fullmatch(r"0\.5|[1-4](\.[05])?|5(\.0)?", text, re.ASCII):
            raise ValueError("stars from 0.5 to 5, in halves")
        return float(text)


class _Flag:
    """`true` or `false`, and none of the other words that might mean so."""

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(
            self._read, core_schema.bool_schema(strict=True)
        )

    @staticmethod
    def _read(value: object) -> bool:
        text = str(value).lower() if isinstance(value, bool) else value
        if text not in {"true", "false"}:
            raise ValueError("true or false")
        return text == "true"


class _Positions:
    """`3,9,12`: positions of movies, in the order in which they are wanted."""

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        position = core_schema.int_schema(ge=1, le=_LARGEST_INTEGER)
        several = core_schema.list_schema(position, min_length=1, max_length=_MOST_POSITIONS)
        return core_schema.no_info_before_validator_function(self._read, several)

    @staticmethod
    def _read(value: object) -> list[int]:
        parts = str(value).split(",", _MOST_POSITIONS)
        if len(parts) <= _MOST_POSITIONS and all(
            re.fullmatch(r"[1-9][0-9]{0,8}", part, re.ASCII) for part in parts
        ):
            return [int(part) for part in parts]
        raise ValueError(f"up to {_MOST_POSITIONS} positions with commas between them, as 3,9,12")


def _storable(text: str) -> str:
    """Text that PostgreSQL can hold: no NUL, no lone surrogates."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("text without control characters")
    return text


def _searched(text: str) -> str:
    """White space collapsed, as it is in titles; nothing but white space asks for nothing."""
    return " ".join(_storable(text).split())


Name = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME), AfterValidator(_storable)]
Flag = Annotated[bool, _Flag()]
PersonId = Annotated[int, _Whole(1, _LARGEST_INTEGER)]
Minutes = Annotated[int, _Whole(0, 100_000)]


def _day_or_span(text: str) -> str:
    _span(text)
    return text


def _span(text: str) -> tuple[date, date]:
    """The first day of a year, a month or a day, and the first one after it."""
    parts = [int(part) for part in text.split("-")]
    try:
        match parts:
            case [year]:
                return date(year, 1, 1), date(min(year + 1, _LARGEST_YEAR), 1, 1)
            case [year, month]:
                after = date(year + month // _DECEMBER, month % _DECEMBER + 1, 1)
                return date(year, month, 1), after
            case [year, month, day]:
                return date(year, month, day), date(year, month, day) + timedelta(days=1)
    except (ValueError, OverflowError):
        pass
    raise ValueError("a year, a month or a day that there is: 2024, 2024-03 or 2024-03-09")


class MovieFilter(BaseModel):
    """Which movies of a session are meant: those that fit all that is given."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    outcome: OutcomeName | None = Field(
        None,
        description="How the look-up ended; `unmatched` is not_found and failed, `doubtful` a film "
        f"that was found with a confidence under {DOUBTFUL_BELOW}",
    )
    q: Annotated[str, Field(max_length=200), AfterValidator(_searched)] | None = Field(
        None, description="Text in a title, in the original title, in a director's or actor's name"
    )
    genre: Name | None = Field(None, description="Name of a genre, as TMDB has it")
    country: Annotated[str, _Shaped("[A-Z]{2}", "two capital letters, as US")] | None = Field(
        None, description="ISO 3166 code of a country of production"
    )
    language: Annotated[str, _Shaped("[a-z]{2}", "two small letters, as en")] | None = Field(
        None, description="ISO 639-1 code of a spoken language"
    )
    director: PersonId | None = Field(None, description="TMDB's id of a director")
    actor: PersonId | None = Field(None, description="TMDB's id of an actor")
    decade: Annotated[int, _Whole(0, 9990, 10)] | None = Field(
        None, description="First year of the decade of release"
    )
    year: Annotated[int, _Whole(1, _LARGEST_YEAR)] | None = Field(
        None, description="Year of release: TMDB's, else the list's"
    )
    runtime_from: Minutes | None = Field(None, description="Minutes that it takes at least")
    runtime_to: Minutes | None = Field(None, description="Minutes that it takes at most")
    rating: Annotated[float, _Stars()] | None = Field(None, description="The user's rating")
    tmdb_rating: Annotated[int, _Whole(0, 10)] | None = Field(
        None, description="TMDB's rating, rounded down"
    )
    watched: Flag | None = Field(None, description="Whether it was seen")
    watchlist: Flag | None = Field(None, description="Whether it is on the watchlist")
    liked: Flag | None = Field(None, description="Whether it is liked")
    rewatched: Flag | None = Field(None, description="Whether it was seen more than once")
    tag: Name | None = Field(None, description="One of its tags")
    list_name: Name | None = Field(None, alias="list", description="Name of a list that it is on")
    watched_on: (
        Annotated[
            str,
            _Shaped(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", "a date as 2024, 2024-03 or 2024-03-09"),
            AfterValidator(_day_or_span),
        ]
        | None
    ) = Field(None, description="A year, month or day in which it was seen")

    @property
    def watched_between(self) -> tuple[date, date] | tuple[None, None]:
        """The first day that `watched_on` means, and the first one after it."""
        return _span(self.watched_on) if self.watched_on else (None, None)

    def in_order(self) -> MovieQuery:
        """The same movies in order of position."""
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
    def order(self) -> str:
        """The order in one word, for cursors."""
        return f"{self.sort}&reverse=true" if self.reverse else self.sort


class PageQuery(MovieQuery):
    """Which page of which movies."""

    limit: Annotated[int, _Whole(1, 1000)] = Field(100, description="Movies at most")
    cursor: str | None = Field(None, description="`next_cursor` of the page before")
    positions: Annotated[list[int], _Positions()] | None = Field(
        None, description="Just the movies at these positions, in this order"
    )


class ExportQuery(MovieQuery):
    """Which movies in which order, as which kind of file."""

    format: ExportFormat = Field(
        "csv", description="CSV for people, JSON lines for programs, or Letterboxd's import form"
    )

    def as_it_is_taken(self) -> ExportQuery:
        """What it comes to: Letterboxd takes all that it is given for watched.

        So only watched movies go there, unless the filter says something of it.
        """
        if self.format == "letterboxd" and not self.names_watched:
            return self.model_copy(update={"watched": True})
        return self


def read_query(model: type[Q], query: Mapping[str, str]) -> Q:
    """The query of a request as one of these models; of a repeated parameter the first one counts.

    Raises:
        BadRequestError: a parameter is not what it may be; it says which, and what it may be.
    """
    try:
        return model.model_validate({name: query[name] for name in query})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
    raise BadRequestError(
        f"{problem['loc'][0]}: {_allowed(problem)}, not {_given(problem['loc'][0], query)!r}"
    )


def _allowed(problem: Any) -> str:  # noqa: ANN401  # pydantic's own dictionary
    if problem["type"] == "literal_error":
        expected = str(problem["ctx"]["expected"]).replace("'", "")
        return f"one of {expected.replace(' or ', ', ')}"
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    said = str(problem["msg"])
    return said[:1].lower() + said[1:]


def _given(name: object, query: Mapping[str, str]) -> str:
    return query.get(str(name), "")[:_LONGEST_SHOWN]
