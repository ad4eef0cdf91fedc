"""The stand-in's films, and the reader of the bundled ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic import ValidationError as PydanticValidationError

from local_stack.tmdb.reference import COUNTRY_NAMES, GENRE_IDS, LANGUAGE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLED_FILMS = Path(__file__).with_name("films")
"""The default folder of JSON Lines files, one film a line."""

FIRST_MADE_UP_ID = 900_000_000
"""Bundled films from this id on are made up, as traps for matching."""


def _known_genre(name: str) -> str:
    if name not in GENRE_IDS:
        raise ValueError(f"{name!r} is none of TMDB's genres: {', '.join(sorted(GENRE_IDS))}")
    return name


def _known_country(code: str) -> str:
    if code not in COUNTRY_NAMES:
        raise ValueError(f"{code!r} is no ISO 3166-1 code in reference.COUNTRY_NAMES")
    return code


def _known_language(code: str) -> str:
    if code not in LANGUAGE_NAMES:
        raise ValueError(f"{code!r} is no ISO 639-1 code in reference.LANGUAGE_NAMES")
    return code


def _date_or_blank(text: str) -> str:
    if text:
        date.fromisoformat(text)
    return text


NonBlank = Annotated[str, StringConstraints(min_length=1, pattern=r"\S")]
ReleaseDate = Annotated[
    str, StringConstraints(pattern=r"^(\d{4}-\d{2}-\d{2})?$"), AfterValidator(_date_or_blank)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """What TMDB would know about a film.

    Attributes:
        id: TMDB id.
        imdb_id: IMDb id (`tt` and digits), if the film has one.
        title: display title in English.
        original_title: title in the original language and script.
        release_date: first release, ISO 8601, or "" if unknown.
        genres: names of TMDB's movie genres.
        runtime: minutes; 0 and None both mean unknown.
        countries: ISO 3166-1 alpha-2 codes.
        language: ISO 639-1 code of the original language.
        directors: in order of credit.
        cast: in billing order.
        vote_count: how many users rated it.
        vote_average: 0 to 10.
        overview: a sentence or two; may be blank.
        release_years: years of further releases, which TMDB's `year` filter matches too.
        poster: whether TMDB has a poster.
        other_titles: further titles, alternative or translated; a search finds them and shows none.
        measured_popularity: TMDB's popularity, where it differs from what the votes suggest.
        video: whether TMDB marks it as a video; searches show it none the less.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", strict=True)

    id: Annotated[int, Field(gt=0)]
    imdb_id: Annotated[str, StringConstraints(pattern=r"^tt\d{7,8}$")] | None
    title: NonBlank
    original_title: NonBlank
    release_date: ReleaseDate
    genres: tuple[Annotated[str, AfterValidator(_known_genre)], ...]
    runtime: Annotated[int, Field(ge=0)] | None
    countries: tuple[Annotated[str, AfterValidator(_known_country)], ...]
    language: Annotated[str, AfterValidator(_known_language)]
    directors: tuple[NonBlank, ...]
    cast: tuple[NonBlank, ...]
    vote_count: Annotated[int, Field(ge=0)]
    vote_average: Annotated[float, Field(ge=0, le=10)]
    overview: str
    release_years: tuple[int, ...] = ()
    poster: bool = True
    other_titles: tuple[NonBlank, ...] = ()
    measured_popularity: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    video: bool = False

    @property
    def year(self) -> int | None:
        """The year of the first release, if known."""
        return int(self.release_date[:4]) if self.release_date else None

    @property
    def popularity(self) -> float:
        """The popularity, derived from the votes with the id as tie-breaker, unless it is given."""
        if self.measured_popularity is not None:
            return self.measured_popularity
        return round(0.6 + 0.6 * math.sqrt(self.vote_count) + self.id % 997 / 1000, 3)


class FilmDataError(Exception):
    """An invalid line of the bundled films; the message names file, line and reason."""


_FILM = TypeAdapter(Film)


def load_films(folder: Path = BUNDLED_FILMS) -> list[Film]:
    """Read every `*.jsonl` of a folder, files in name order, lines in their order.

    Raises:
        FilmDataError: a line is not a film, or two lines share an id or an IMDb id.
    """
    films: list[Film] = []
    places: dict[int | str, str] = {}
    for place, film in _lines(folder):
        for key in (film.id, film.imdb_id):
            if key is None:
                continue
            first = places.setdefault(key, place)
            if first is not place:
                raise FilmDataError(
                    f"{place}: {film.title!r} has the id {key}, which stands at {first} already; "
                    "correct one of the two lines"
                )
        films.append(film)
    return films


def _lines(folder: Path) -> Iterator[tuple[str, Film]]:
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                place = f"{path.name}, line {number}"
                try:
                    yield place, _FILM.validate_json(line)
                except PydanticValidationError as error:
                    problems = "; ".join(
                        f"{'.'.join(map(str, problem['loc'])) or 'line'}: {problem['msg']}"
                        for problem in error.errors(include_url=False)
                    )
                    raise FilmDataError(f"{place}: {problems}") from None
