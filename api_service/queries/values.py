"""What one parameter of a query may be: read from its text, with words for what may be said.

A reader raises ValueError with what is allowed; the schema beside it tells programs the same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

LARGEST_YEAR: Final = 9999
_LARGEST_INTEGER: Final = 2**31 - 1
_LONGEST_NAME: Final = 1000
_MOST_POSITIONS: Final = 200
_LARGEST_POSITION: Final = 999_999_999
_DECEMBER: Final = 12
_YEAR: Final = "(?!0000)[0-9]{4}"


@dataclass(frozen=True, slots=True)
class Whole:
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
class Shaped:
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


class Stars:
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


class TrueOrFalse:
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


class Positions:
    """`3,9,12`: positions of movies, in the order in which they are wanted."""

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        position = core_schema.int_schema(ge=1, le=_LARGEST_POSITION)
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


def storable(text: str) -> str:
    """Text that PostgreSQL can hold: no NUL, no lone surrogates."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("text without NUL")
    return text


def searched(text: str) -> str:
    """White space collapsed, as it is in titles; nothing but white space asks for nothing."""
    return " ".join(storable(text).split())


WITHOUT_NUL: Final[dict[str, JsonValue]] = {"pattern": r"^[^\u0000]*$"}
"""What the document says of text that PostgreSQL can hold."""
Name = Annotated[
    str,
    Field(min_length=1, max_length=_LONGEST_NAME, json_schema_extra=WITHOUT_NUL),
    AfterValidator(storable),
]
Flag = Annotated[bool, TrueOrFalse()]
PersonId = Annotated[int, Whole(1, _LARGEST_INTEGER)]
Minutes = Annotated[int, Whole(0, 100_000)]


class DayOrSpan:
    """A year, a month or a day that there is."""

    def __get_pydantic_core_schema__(self, _: object, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._read, core_schema.str_schema())

    def __get_pydantic_json_schema__(
        self, _: CoreSchema, __: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {
            "type": "string",
            "anyOf": [
                {"pattern": f"^{_YEAR}$"},
                {"pattern": f"^{_YEAR}-(0[1-9]|1[0-2])$"},
                {"format": "date"},
            ],
        }

    @staticmethod
    def _read(value: object) -> str:
        text = str(value)
        if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?", text, re.ASCII):
            raise ValueError("a date as 2024, 2024-03 or 2024-03-09")
        span(text)
        return text


def span(text: str) -> tuple[date, date]:
    """The first day of a year, a month or a day, and the first one after it.

    Of the last ones that there are, the end is the last day.
    """
    parts = [int(part) for part in text.split("-")]
    try:
        match parts:
            case [year]:
                begin = date(year, 1, 1)
                return begin, begin.replace(year=year + 1) if year < LARGEST_YEAR else date.max
            case [year, month]:
                begin = date(year, month, 1)
                if (year, month) == (LARGEST_YEAR, _DECEMBER):
                    return begin, date.max
                return begin, date(year + month // _DECEMBER, month % _DECEMBER + 1, 1)
            case [year, month, day]:
                begin = date(year, month, day)
                return begin, begin if begin == date.max else begin + timedelta(days=1)
    except ValueError:
        pass
    raise ValueError("a year, a month or a day that there is: 2024, 2024-03 or 2024-03-09")
