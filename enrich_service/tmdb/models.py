"""What TMDB answers, as the parts of it that Projectionist reads.

Strict where a mistake would save a wrong film (ids, titles, the lists themselves), tolerant
elsewhere: TMDB sends "" for an unknown date, null for a missing poster, 0 for an unknown runtime,
and leaves fields out. Unread fields cost nothing, so a long answer is read quickly.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    OnErrorOmit,
    PositiveInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

_IMAGE_PATH = re.compile(r"(?:/[\w-][\w.-]*)+", re.ASCII)
_IMDB_ID = re.compile(r"tt\d{7,10}", re.ASCII)
_LAST = 1_000_000  # a place in the billing behind everybody whose place is known
_ISO_DATE_LENGTH = len("1999-03-30")


def _none_if_unreadable(value: object, read: ValidatorFunctionWrapHandler) -> object:
    try:
        return read(value)
    except ValidationError:
        return None


def _date(value: object) -> dt.date | None:
    if not isinstance(value, str):
        return value if isinstance(value, dt.date) else None
    try:
        return dt.date.fromisoformat(value[:_ISO_DATE_LENGTH])
    except ValueError:
        return None


def _shaped(pattern: re.Pattern[str]) -> BeforeValidator:
    def text_or_none(value: object) -> str | None:
        return value if isinstance(value, str) and pattern.fullmatch(value) else None

    return BeforeValidator(text_or_none)


_Unsure = WrapValidator(_none_if_unreadable)
ImagePath = Annotated[str | None, _shaped(_IMAGE_PATH)]
"""Path of an image under `https://image.tmdb.org/t/p/<size>`; None when there is no picture."""
ReleaseDate = Annotated[dt.date | None, BeforeValidator(_date)]
"""Day of the first release; None when TMDB knows none."""
OptionalText = Annotated[str | None, _Unsure]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _votes(value: object, read: ValidatorFunctionWrapHandler) -> object:
    return _none_if_unreadable(value, read) or 0


class _Rated(_Answer):
    popularity: Annotated[float, WrapValidator(_votes)] = 0.0
    vote_count: Annotated[int, Field(ge=0), WrapValidator(_votes)] = 0
    vote_average: Annotated[Decimal | None, Field(ge=0, le=10), _Unsure] = None
    poster_path: ImagePath = None


class SearchMovie(_Rated):
    """One film of a search answer."""

    id: PositiveInt
    title: str
    original_title: OptionalText = None
    original_language: OptionalText = None
    release_date: ReleaseDate = None

    @property
    def year(self) -> int | None:
        """Year of the first release, if TMDB knows it."""
        return self.release_date.year if self.release_date else None


class SearchTv(_Rated):
    """One television series of a search answer."""

    id: PositiveInt
    name: str
    original_name: OptionalText = None
    first_air_date: ReleaseDate = None


class _Page(_Answer):
    page: PositiveInt = 1
    total_pages: Annotated[int, Field(ge=0)] = 1
    total_results: Annotated[int, Field(ge=0)] = 0


class SearchPage(_Page):
    """A page of films, at most twenty, in TMDB's order."""

    results: tuple[SearchMovie, ...]


class TvSearchPage(_Page):
    """A page of television series, at most twenty, in TMDB's order."""

    results: tuple[SearchTv, ...]


class TvPart(_Answer):
    """A season or an episode that an IMDb id stands for."""

    id: PositiveInt


class FindAnswer(_Answer):
    """What an IMDb id stands for: at most one of the lists has an entry."""

    movie_results: tuple[SearchMovie, ...]
    tv_results: tuple[SearchTv, ...] = ()
    tv_season_results: tuple[TvPart, ...] = ()
    tv_episode_results: tuple[TvPart, ...] = ()

    @property
    def is_television(self) -> bool:
        """Whether TMDB holds the id as television and not as a film."""
        television = self.tv_results or self.tv_season_results or self.tv_episode_results
        return bool(television) and not self.movie_results


class Genre(_Answer):
    """A genre: TMDB's id and its name in the language asked for."""

    id: int
    name: str


class Country(_Answer):
    """A country of production: ISO 3166-1 alpha-2 code and English name."""

    iso_3166_1: str
    name: str = ""


class Language(_Answer):
    """A spoken language: ISO 639-1 code, English name, and its own name, which may be empty."""

    iso_639_1: str
    english_name: str = ""
    name: str = ""


def _last_if_unreadable(value: object, read: ValidatorFunctionWrapHandler) -> object:
    order = _none_if_unreadable(value, read)
    return _LAST if order is None else order


class CastMember(_Answer):
    """An actor in a part; `order` is the place in the billing, 0 first."""

    id: PositiveInt
    name: Annotated[str, Field(min_length=1)]
    character: OptionalText = None
    order: Annotated[int, WrapValidator(_last_if_unreadable)] = _LAST
    profile_path: ImagePath = None


class Director(_Answer):
    """A crew member whose job is exactly `Director`."""

    id: PositiveInt
    name: Annotated[str, Field(min_length=1)]
    job: Literal["Director"]
    profile_path: ImagePath = None


def _null_is_empty(value: object) -> object:
    return () if value is None else value


_NullIsEmpty = BeforeValidator(_null_is_empty)


class Credits(_Answer):
    """Who made a film: of the crew only its directors are read."""

    cast: Annotated[tuple[OnErrorOmit[CastMember], ...], _NullIsEmpty] = ()
    crew: Annotated[tuple[OnErrorOmit[Director], ...], _NullIsEmpty] = ()


class Related(_Answer):
    """Films that TMDB shows beside another; one that cannot be read is left out."""

    results: Annotated[tuple[OnErrorOmit[SearchMovie], ...], _NullIsEmpty] = ()


class AlternativeTitle(_Answer):
    """A title under which a film is known somewhere."""

    title: Annotated[str, Field(min_length=1)]


class AlternativeTitles(_Answer):
    """All titles of a film but its own; one that cannot be read is left out."""

    titles: Annotated[tuple[OnErrorOmit[AlternativeTitle], ...], _NullIsEmpty] = ()


class TranslatedTexts(_Answer):
    """What a translation says of a film; its title is "" where that is the original one."""

    title: OptionalText = None


class Translation(_Answer):
    """A film in another language."""

    data: TranslatedTexts


class Translations(_Answer):
    """All translations of a film; one that cannot be read is left out."""

    translations: Annotated[tuple[OnErrorOmit[Translation], ...], _NullIsEmpty] = ()


class MovieDetails(_Rated):
    """A film with its credits and the films beside it, if they were asked for."""

    id: PositiveInt
    title: str
    imdb_id: Annotated[str | None, _shaped(_IMDB_ID)] = None
    original_title: OptionalText = None
    original_language: OptionalText = None
    release_date: ReleaseDate = None
    runtime: Annotated[PositiveInt | None, _Unsure] = None
    """Minutes; None when TMDB does not know (it sends 0 or null)."""
    overview: OptionalText = None
    tagline: OptionalText = None
    backdrop_path: ImagePath = None
    genres: Annotated[tuple[OnErrorOmit[Genre], ...], _NullIsEmpty] = ()
    production_countries: Annotated[tuple[OnErrorOmit[Country], ...], _NullIsEmpty] = ()
    spoken_languages: Annotated[tuple[OnErrorOmit[Language], ...], _NullIsEmpty] = ()
    credits: Credits | None = None
    recommendations: Annotated[Related | None, _Unsure] = None
    similar: Annotated[Related | None, _Unsure] = None
    alternative_titles: Annotated[AlternativeTitles | None, _Unsure] = None
    translations: Annotated[Translations | None, _Unsure] = None

    @property
    def other_names(self) -> tuple[str, ...]:
        """Its alternative titles, and those of its translations, if they were asked for."""
        others = self.alternative_titles
        names = [other.title for other in others.titles] if others else []
        if self.translations:
            names += [one.data.title for one in self.translations.translations if one.data.title]
        return tuple(dict.fromkeys(names))

    @property
    def related(self) -> tuple[SearchMovie, ...]:
        """The films that TMDB shows beside it."""
        lists = (self.recommendations, self.similar)
        return tuple(film for related in lists if related for film in related.results)

    @property
    def year(self) -> int | None:
        """Year of the first release, if TMDB knows it."""
        return self.release_date.year if self.release_date else None

    @property
    def directors(self) -> tuple[Director, ...]:
        """Each director once, in TMDB's order."""
        crew = self.credits.crew if self.credits else ()
        return tuple({person.id: person for person in crew}.values())

    @property
    def cast(self) -> tuple[CastMember, ...]:
        """The cast in billing order."""
        cast = self.credits.cast if self.credits else ()
        return tuple(sorted(cast, key=lambda member: member.order))


class ImageConfiguration(_Answer):
    """Where images are served from, and in which poster sizes."""

    secure_base_url: str
    poster_sizes: tuple[str, ...] = ()


class Configuration(_Answer):
    """TMDB's own set-up; small and always there, so it serves as the probe."""

    images: ImageConfiguration
