"""Every form of list that is read, written with as many rows as wanted, the same each time."""

from __future__ import annotations

import csv
import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from api_service.lists.model import UploadedFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_WORDS = (
    *("Night", "Day", "House", "River", "Last", "First", "Love", "Amélie", "City", "Blood", "Star"),
    *("Wars", "Moon", "King", "Queen", "Été", "Ghost", "Summer", "Winter", "Road", "Train"),
    *("Murder", "Dream", "Alien", "Robot", "Dance", "Silence", "Señor", "Garden", "Island", "Fire"),
)


class Row(NamedTuple):
    """What a row says, whatever its form."""

    number: int
    title: str
    year: int
    half_stars: int
    day: str
    imdb_id: str


def rows(count: int) -> Iterator[Row]:
    """Distinct films, a fifth of them with letters beyond ASCII; dates and ratings at random."""
    chance = random.Random(0)  # noqa: S311  # repeatable, not secret
    for number in range(1, count + 1):
        words = " ".join(chance.choices(_WORDS, k=chance.randint(1, 4)))
        yield Row(
            number,
            f"The {words} {number}",
            chance.randint(1920, 2026),
            chance.randint(1, 10),
            f"{chance.randint(2010, 2026)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            f"tt{1_000_000 + number}",
        )


@dataclass(frozen=True, slots=True)
class Form:
    """One form of list.

    Attributes:
        name: is what it is called here.
        format: is what it must be recognised as.
        file: is what it is called.
        header: its columns.
        cells: a row of them.
        beside: other files that it needs, by name: their columns and rows.
        is_csv: whether a speed is to be reached.
    """

    name: str
    format: str
    file: str
    header: str
    cells: Callable[[Row], tuple[object, ...]]
    beside: tuple[tuple[str, str, Callable[[Row], tuple[object, ...]]], ...] = ()
    is_csv: bool = True

    def write(self, folder: Path, count: int) -> list[UploadedFile]:
        """Write its files, the one whose rows are films first."""
        parts = [(self.file, self.header, self.cells), *self.beside]
        return [_written(folder, *part, count) for part in parts]


def _written(
    folder: Path, name: str, header: str, cells: Callable[[Row], tuple[object, ...]], count: int
) -> UploadedFile:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        if name.endswith(".csv"):
            writer = csv.writer(file)
            writer.writerow(header.split(","))
            writer.writerows(map(cells, rows(count)))
        else:
            file.writelines(f"{cells(row)[0]}\n" for row in rows(count))
    return UploadedFile(name, path)


def _american(day: str) -> str:
    year, month, date = day.split("-")
    return f"{int(month)}/{int(date)}/{year[2:]}"


def _imdb(row: Row) -> tuple[object, ...]:
    url = f"https://www.imdb.com/title/{row.imdb_id}/"
    facts = (7.4, 121, row.year, "Action, Crime, Drama", 75_000, f"{row.year}-12-15", "A Director")
    return row.imdb_id, row.half_stars, row.day, row.title, row.title, url, "Movie", *facts


def _old_imdb(row: Row) -> tuple[object, ...]:
    url = f"http://www.imdb.com/title/{row.imdb_id}/"
    added = f"Sat Apr {row.half_stars:2} 00:00:00 2011"
    start = (row.number, row.imdb_id, added, "", "", row.title, "Feature Film", "A Director")
    return *start, row.half_stars, 7.4, 121, row.year, "action, crime", 75_000, "1995-12-15", url


def _trakt(row: Row) -> tuple[object, ...]:
    ids = (8.1, row.number, row.imdb_id, row.number, "", f"https://trakt.tv/movies/{row.number}")
    start = (f"{row.day}T20:15:00Z", "movie", row.title, row.year)
    return *start, *ids, f"{row.year}-01-01", "", "", "action,crime", row.half_stars


def _trakt_item(row: Row) -> tuple[object, ...]:
    ids = {"trakt": row.number, "slug": "x", "imdb": row.imdb_id, "tmdb": row.number}
    film = {"title": row.title, "year": row.year, "ids": ids}
    item = {"rated_at": f"{row.day}T20:15:00.000Z", "rating": row.half_stars, "movie": film}
    return (json.dumps(item),)


def _simkl_item(row: Row) -> tuple[object, ...]:
    film = {"title": row.title, "year": row.year, "ids": {"simkl": row.number, "imdb": row.imdb_id}}
    item = {"last_watched_at": f"{row.day}T20:15:00Z", "user_rating": row.half_stars}
    return (json.dumps(item | {"status": "completed", "movie": film}),)


FORMS = (
    Form(
        "Letterboxd watched",
        "letterboxd_watched",
        "watched.csv",
        "Date,Name,Year,Letterboxd URI",
        lambda row: (row.day, row.title, row.year, f"https://boxd.it/{row.number:x}"),
    ),
    Form(
        "Letterboxd diary",
        "letterboxd_diary",
        "diary.csv",
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date",
        lambda row: (
            *(row.day, row.title, row.year, f"https://boxd.it/{row.number:x}", row.half_stars / 2),
            *("Yes" if row.number % 9 == 0 else "", "noir, on-dvd", row.day),
        ),
    ),
    Form(
        "Letterboxd ratings",
        "letterboxd_ratings",
        "ratings.csv",
        "Date,Name,Year,Letterboxd URI,Rating",
        lambda row: (
            *(row.day, row.title, row.year, f"https://boxd.it/{row.number:x}", row.half_stars / 2),
        ),
    ),
    Form(
        "Letterboxd reviews",
        "letterboxd_reviews",
        "reviews.csv",
        "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date",
        lambda row: (
            *(row.day, row.title, row.year, f"https://boxd.it/{row.number:x}", row.half_stars / 2),
            *("", 'Saw it, "again".\nStill good.' * 3, "noir", row.day),
        ),
    ),
    Form(
        "Letterboxd list",
        "letterboxd_list",
        "list.csv",
        "Position,Name,Year,URL,Description",
        lambda row: (row.number, row.title, row.year, f"https://boxd.it/{row.number:x}", ""),
    ),
    Form(
        "Letterboxd import form",
        "csv",
        "import.csv",
        "LetterboxdURI,tmdbID,imdbID,Title,Year,Directors,Rating,Rating10,WatchedDate,Rewatch,Tags,"
        "Review",
        lambda row: (
            *("", row.number, row.imdb_id, row.title, row.year, "A Director", row.half_stars / 2),
            *(row.half_stars, row.day, "", "noir", ""),
        ),
    ),
    Form(
        "IMDb ratings, from 2024",
        "imdb_ratings",
        "imdb.csv",
        "Const,Your Rating,Date Rated,Title,Original Title,URL,Title Type,IMDb Rating,"
        "Runtime (mins),Year,Genres,Num Votes,Release Date,Directors",
        _imdb,
    ),
    Form(
        "IMDb ratings, to 2017",
        "imdb_ratings",
        "ratings.csv",
        "position,const,created,modified,description,Title,Title type,Directors,You rated,"
        "IMDb Rating,Runtime (mins),Year,Genres,Num. Votes,Release Date (month/day/year),URL",
        _old_imdb,
    ),
    Form(
        "IMDb list",
        "imdb_list",
        "Favourites.csv",
        "Position,Const,Created,Modified,Description,Title,Original Title,URL,Title Type,"
        "IMDb Rating,Runtime (mins),Year,Genres,Num Votes,Release Date,Directors",
        lambda row: (row.number, row.imdb_id, row.day, row.day, "", *_imdb(row)[3:]),
    ),
    Form(
        "Trakt ratings",
        "trakt_ratings",
        "trakt.csv",
        "rated_at,type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,tvdb_id,url,released,"
        "season_number,episode_number,genres,rating",
        _trakt,
    ),
    Form(
        "TMDB ratings",
        "tmdb_ratings",
        "tmdb.csv",
        "TMDb ID,IMDb ID,Type,Name,Release Date,Season Number,Episode Number,Rating,Your Rating,"
        "Date Rated",
        lambda row: (
            *(row.number, row.imdb_id, "movie", row.title, f"{row.year}-05-04T00:00:00Z", "", ""),
            *(7.2, float(row.half_stars), f"{row.day}T00:00:00Z"),
        ),
    ),
    Form(
        "MovieLens movies",
        "movielens_movies",
        "movies.csv",
        "movieId,title,genres",
        lambda row: (row.number, f"{row.title[4:]}, The ({row.year})", "Action|Crime"),
    ),
    Form(
        "MovieLens links",
        "movielens_links",
        "links.csv",
        "movieId,imdbId,tmdbId",
        lambda row: (row.number, row.imdb_id[2:], row.number),
    ),
    Form(
        "MovieLens ratings, joined with movies",
        "movielens_ratings",
        "rated.csv",
        "userId,movieId,rating,timestamp",
        lambda row: (1, row.number, row.half_stars / 2, 964_982_703),
        (
            (
                "movies.csv",
                "movieId,title,genres",
                lambda row: (row.number, f"{row.title} ({row.year})", "Action|Crime"),
            ),
        ),
    ),
    Form(
        "Netflix history, one in two an episode",
        "netflix",
        "ViewingHistory.csv",
        "Title,Date",
        lambda row: (
            f"{row.title}: Season 1: Pilot" if row.number % 2 else row.title,
            _american(row.day),
        ),
    ),
    Form(
        "TV Time's log of actions",
        "tv_time",
        "tracking-prod-records.csv",
        "created_at,type,uuid,entity_type,release_date,rewatch_count,movie_name,series_name",
        lambda row: (
            *(f"{row.day} 20:15:00", "towatch" if row.number % 9 == 0 else "watch", row.number),
            *("movie", f"{row.year}-01-01 00:00:00", "", row.title, ""),
        ),
        is_csv=False,
    ),
    Form(
        "Yamtrack",
        "yamtrack",
        "yamtrack.csv",
        "media_id,source,media_type,title,score,status,end_date,notes",
        lambda row: (
            *(row.number, "tmdb", "movie", row.title, row.half_stars, "Completed", row.day, ""),
        ),
        is_csv=False,
    ),
    Form(
        "a sheet kept by hand",
        "csv",
        "sheet.csv",
        "Film,Year,Status,My Score,Date Finished",
        lambda row: (
            *(row.title, row.year, "Watched" if row.number % 9 else "Plan to watch"),
            *(f"{row.half_stars}/10", row.day),
        ),
        is_csv=False,
    ),
    Form(
        "any CSV: title, year, rating, day",
        "csv",
        "films.csv",
        "Title,Year,Rating,Watched Date",
        lambda row: (row.title, row.year, row.half_stars, row.day),
    ),
    Form(
        "plain text",
        "titles",
        "titles.txt",
        "",
        lambda row: (f"{row.title} ({row.year})",),
        is_csv=False,
    ),
    Form("Simkl JSON, by line", "simkl", "simkl.jsonl", "", _simkl_item, is_csv=False),
    Form("Trakt JSON, by line", "trakt_ratings", "trakt.jsonl", "", _trakt_item, is_csv=False),
)
