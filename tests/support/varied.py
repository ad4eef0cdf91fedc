"""Sessions of all kinds of movies, by chance, for the tests that ask questions about them."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from enrich_service.lookups import Film
from shared.lookup_keys import title_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service

COUNT = 60
GENRES = ("Drama", "Comedy", "War", "Science Fiction", "Western")
COUNTRIES = ("US", "FR", "JP", "SE")
LANGUAGES = ("en", "fr", "ja")
WORDS = ("Heat", "Ran", "Élan", "Straße", "the Night", "100%", 'a "b"', "\\d", "Zoë", "_x_")
TAGS = ("noir", "on dvd", "with Anna")
LIST = "Best of all"
DAYS = (date(2019, 12, 31), date(2020, 2, 29), date(2021, 1, 1), date(2021, 6, 15))

Movie = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """A movie as the API tells it, with the ids of its people."""

    movie: Movie
    directors: frozenset[int]
    actors: frozenset[int]

    @property
    def year(self) -> int | None:
        """Of release, as it is shown."""
        released = self.movie["release_date"]
        return int(released[:4]) if released else self.movie["year"]

    @property
    def theirs(self) -> float | None:
        """TMDB's rating, of 10, if anybody gave one."""
        return self.movie["vote_average"] if self.movie["vote_count"] else None

    @property
    def rewatched(self) -> bool:
        """Whether it was seen more than once."""
        return self.movie["rewatches"] > 0 or len(self.movie["watch_dates"]) > 1


async def varied_session(
    service: Service, daemon: Daemon, seed: int, *, is_watched: bool = True
) -> str:
    """Upload films by chance and answer most of them; the session's id."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    films = [(f"{chance.choice(WORDS)} {n}", _maybe(chance, _year(chance))) for n in range(COUNT)]
    seen = films[: COUNT * 3 // 4] if is_watched else []
    files = {
        "watchlist.csv": _table(("Title", "Year"), films[COUNT // 2 :] if is_watched else films),
        f"lists/{LIST}.csv": _table(
            ("Position", "Name", "Year", "URL"),
            [(n, *film, "") for n, film in enumerate(films[::4])],
        ),
        "likes/films.csv": _table(
            ("Date", "Name", "Year", "Letterboxd URI"), [("", *film, "") for film in films[::5]]
        ),
    }
    if seen:
        files["seen.csv"] = _table(
            ("Title", "Year", "Rating", "WatchedDate", "Rewatch", "Tags"),
            [row for film in seen for row in _seen(chance, film)],
        )
    response = await service.upload_files(*files.items())
    assert response.status == 201, await response.text()
    session_id = str((await response.json())["session_id"])
    await _answer(daemon, chance, [title_key(*film) for film in films])
    await service.database.fetchval(
        "update catalogue set fetched_at = clock_timestamp() - interval '181 days' "
        "where tmdb_id % 13 = 0"
    )
    return session_id


async def told(service: Service, session_id: str) -> list[Told]:
    """Every movie of a session, as the API tells it."""
    movies = await service.movies(session_id, limit=1000)
    found = []
    for movie in movies:
        detail = await service.get(f"/api/session/{session_id}/movies/{movie['position']}")
        people = detail.pop("credits")
        assert detail == movie
        assert [person["name"] for person in people["directors"]] == movie["directors"]
        assert [person["name"] for person in people["cast"]] == movie["cast"]
        ids = [frozenset(one["id"] for one in people[kind]) for kind in ("directors", "cast")]
        found.append(Told(movie, *ids))
    return found


def _maybe(chance: random.Random, value: Any) -> Any:  # noqa: ANN401  # whatever it is given
    return None if chance.random() < 0.15 else value


def _year(chance: random.Random) -> int:
    return chance.choice((1931, 1969, 1970, 1979, 1999, 2000, 2024))


def _seen(chance: random.Random, film: tuple[str, int | None]) -> Iterable[Sequence[object]]:
    rating = _maybe(chance, chance.randint(1, 10) / 2)
    for number, day in enumerate(chance.sample(DAYS, chance.choice((0, 1, 1, 2, 3))) or [""]):
        again = "Yes" if number and chance.random() < 0.7 else ""
        yield (*film, rating, day, again, ", ".join(chance.sample(TAGS, chance.choice((0, 1, 2)))))


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


async def _answer(daemon: Daemon, chance: random.Random, keys: list[str]) -> None:
    chance.shuffle(keys)
    found, doubtful, rest = keys[: COUNT * 2 // 3], keys[COUNT * 2 // 3 : -8], keys[-8:]
    await daemon.answer(found={key: _film(chance, 1000 + n) for n, key in enumerate(found)})
    await daemon.answer(
        found={key: _film(chance, 2000 + n) for n, key in enumerate(doubtful)}, confidence=90
    )
    await daemon.answer(not_found=rest[:3], failed=rest[3:5])


def _film(chance: random.Random, tmdb_id: int) -> Film:
    votes = _maybe(chance, chance.randint(1, 9)) or 0
    days = timedelta(days=chance.randint(0, 40_000))
    cast = [chance.randint(20, 45) for _ in range(chance.choice((0, 3, 12)))]
    return Film(
        tmdb_id=tmdb_id,
        imdb_id=None,
        title=f"{chance.choice(WORDS)} told {tmdb_id}",
        original_title=f"Originál {tmdb_id}",
        release_date=_maybe(chance, date(1920, 1, 1) + days),
        genres=tuple(chance.sample(GENRES, chance.choice((0, 1, 3)))),
        directors=tuple(
            {"id": person, "name": f"Director {person}", "profile_path": f"/{person}.jpg"}
            for person in chance.sample(range(1, 8), chance.choice((0, 1, 2)))
        ),
        top_cast=tuple(
            {"id": person, "name": f"Actör {person}", "character": f"No. {n}", "profile_path": None}
            for n, person in enumerate(cast)
        ),
        runtime_minutes=_maybe(chance, chance.choice((1, 29, 30, 59, 60, 119, 239, 240, 500))),
        countries=tuple(chance.sample(COUNTRIES, chance.choice((0, 1, 2)))),
        languages=tuple(chance.sample(LANGUAGES, chance.choice((0, 1, 2)))),
        overview=None,
        poster_path=f"/{tmdb_id}.jpg",
        vote_average=Decimal(chance.randint(0, 100)) / 10,
        vote_count=votes,
        popularity=0.0,
    )
