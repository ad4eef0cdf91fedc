"""Answers with the figures of a session's movies."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date  # pydantic reads it
from typing import TYPE_CHECKING, Any, Final

from pydantic import ConfigDict, Field

from api_service.schemas.posters import poster_url, profile_url
from api_service.schemas.sessions import Answer, DirectorAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

_HALF_STARS: Final = range(1, 11)
"""Every rating that there is, in halves of a star."""
_STEP: Final = 30
"""Minutes in a step of runtimes."""
_STEPS: Final = 9
"""The last one is for whatever takes longer."""


class FilmCounts(Answer):
    """How many of the movies that fit are what."""

    total: int
    watched: int
    watchlist: int
    found: int
    not_found: int
    failed: int
    pending: int
    rated: int
    liked: int
    rewatched: int


class Totals(Answer):
    """What the movies that count come to; `watches` is how often they were seen, if known."""

    films: int
    minutes: int
    countries: int
    languages: int
    directors: int
    actors: int
    watches: int


class Rated(Answer):
    """Some of the movies, and the mean of the user's ratings; null where none is rated."""

    films: int
    mean_rating: float | None


class GenreAnswer(Rated):
    """The movies of a genre."""

    name: str
    minutes: int


class DecadeAnswer(Rated):
    """The movies of a decade, named by its first year."""

    decade: int


class YearAnswer(Rated):
    """The movies of a year."""

    year: int


class RatingAnswer(Answer):
    """How often the user gave a rating."""

    rating: float
    films: int


class RatingPoint(RatingAnswer):
    """The movies that the user gave a rating, and what TMDB's users give these, of 5."""

    theirs: float


class Card(Answer):
    """A movie as it is shown small."""

    position: int
    title: str | None
    year: int | None
    poster_url: str | None
    rating: float | None
    vote_average: float | None


class RewatchCard(Card):
    """A movie, and how often it was seen."""

    watches: int


class AgainstTMDB(Answer):
    """The user's ratings beside TMDB's, which are brought to 5, and where they differ most."""

    films: int
    mine: float | None
    theirs: float | None
    points: list[RatingPoint]
    higher: list[Card]
    lower: list[Card]


class RuntimeAnswer(Answer):
    """The movies that take so many minutes, both inclusive; the last step has no end."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    from_: int = Field(alias="from")
    to: int | None
    films: int


class CodeAnswer(Answer):
    """The movies of a country or a language."""

    code: str
    films: int


class PersonAnswer(DirectorAnswer, Rated):
    """Somebody's movies."""


class WatchYear(Answer):
    """How many watch dates lie in a year."""

    year: int
    watches: int


class WatchDay(Answer):
    """How many movies were seen on a day."""

    date: date
    watches: int


class GenreCount(Answer):
    """How many movies are of a genre."""

    name: str
    films: int


class WatchlistAnswer(Answer):
    """What is on the watchlist; the five genres that most of it is of."""

    films: int
    minutes: int
    genres: list[GenreCount]


class SummaryAnswer(Answer):
    """What the movies that fit come to.

    `films` and `watchlist` speak of all of them. All else speaks of watched ones only, unless the
    filter says whether they are watched or on the watchlist, or the session has no watched movie.
    """

    films: FilmCounts
    totals: Totals
    genres: list[GenreAnswer]
    decades: list[DecadeAnswer]
    years: list[YearAnswer]
    ratings: list[RatingAnswer]
    against_tmdb: AgainstTMDB
    runtimes: list[RuntimeAnswer]
    shortest: Card | None
    longest: Card | None
    countries: list[CodeAnswer]
    languages: list[CodeAnswer]
    directors: list[PersonAnswer]
    actors: list[PersonAnswer]
    watch_years: list[WatchYear]
    days: list[WatchDay]
    rewatches: list[RewatchCard]
    watchlist: WatchlistAnswer


def named_positions(figures: asyncpg.Record) -> list[int]:
    """Return the movies that the figures name, each once: they are shown as cards."""
    often = [entry["position"] for entry in _read(figures["rewatches"])]
    ends = [figures["shortest"], figures["longest"]]
    return list({*figures["higher"], *figures["lower"], *often, *ends} - {None})


def summary_answer(
    figures: asyncpg.Record, movies: Sequence[asyncpg.Record], image_base_url: str
) -> SummaryAnswer:
    """Return the answer from the figures, and the rows of the movies that they name.

    One that was removed since the figures were added up is left out.
    """
    cards = {row["position"]: _card(row, image_base_url) for row in movies}
    totals, countries = json.loads(figures["totals"]), _read(figures["countries"])
    languages, days = _read(figures["languages"]), _read(figures["days"])
    rated = _counts(figures["ratings"])
    took = _counts(figures["runtimes"])
    return SummaryAnswer(
        films=FilmCounts(**json.loads(figures["films"])),
        totals=Totals(**totals, countries=len(countries), languages=len(languages)),
        genres=[GenreAnswer(**genre) for genre in _read(figures["genres"])],
        decades=[DecadeAnswer(**decade) for decade in _read(figures["decades"])],
        years=[YearAnswer(**year) for year in _read(figures["years"])],
        ratings=[RatingAnswer(rating=half / 2, films=rated[half]) for half in _HALF_STARS],
        against_tmdb=AgainstTMDB(
            **json.loads(figures["against_tmdb"]),
            points=[RatingPoint(**point) for point in _read(figures["points"])],
            higher=[cards[position] for position in figures["higher"] if position in cards],
            lower=[cards[position] for position in figures["lower"] if position in cards],
        ),
        runtimes=[_runtime(step, took[step]) for step in range(_STEPS)],
        shortest=cards.get(figures["shortest"]),
        longest=cards.get(figures["longest"]),
        countries=[CodeAnswer(**country) for country in countries],
        languages=[CodeAnswer(**language) for language in languages],
        directors=[_person(person, image_base_url) for person in _read(figures["directors"])],
        actors=[_person(person, image_base_url) for person in _read(figures["actors"])],
        watch_years=_watch_years(days),
        days=[WatchDay(**day) for day in days],
        rewatches=[
            RewatchCard(**dict(cards[entry["position"]]), watches=entry["watches"])
            for entry in _read(figures["rewatches"])
            if entry["position"] in cards
        ],
        watchlist=WatchlistAnswer(
            **json.loads(figures["watchlist"]),
            genres=[GenreCount(**genre) for genre in _read(figures["watchlist_genres"])],
        ),
    )


def _read(text: str | None) -> list[dict[str, Any]]:
    """Return a JSON array; null where there was nothing to put into one."""
    return json.loads(text) if text else []


def _counts(text: str | None) -> Counter[int]:
    """Return a JSON object of counts by whole numbers."""
    counted = json.loads(text) if text else {}
    return Counter({int(key): count for key, count in counted.items()})


def _card(row: asyncpg.Record, image_base_url: str) -> Card:
    released = row["release_date"]
    return Card(
        position=row["position"],
        title=row["title"] or row["tmdb_title"],
        year=released.year if released else row["year"],
        poster_url=poster_url(row["poster_path"], image_base_url),
        rating=row["rating"],
        vote_average=row["vote_average"],
    )


def _runtime(step: int, films: int) -> RuntimeAnswer:
    is_last = step == _STEPS - 1
    return RuntimeAnswer(
        from_=step * _STEP, to=None if is_last else step * _STEP + _STEP - 1, films=films
    )


def _person(person: dict[str, Any], image_base_url: str) -> PersonAnswer:
    url = profile_url(person.pop("profile_path"), image_base_url)
    return PersonAnswer(**person, profile_url=url)


def _watch_years(days: list[dict[str, Any]]) -> list[WatchYear]:
    watches: Counter[int] = Counter()
    for day in days:
        watches[int(day["date"][:4])] += day["watches"]
    return [WatchYear(year=year, watches=count) for year, count in sorted(watches.items())]
