"""Films as a file for PostgreSQL's COPY in csv format.

A cell that is empty without quotes is NULL, with quotes it is the empty text. Array literals follow
the PostgreSQL manual, 8.15.2 and 8.15.6: every text element is quoted, so that commas, braces,
white space, the empty text and the word NULL mean themselves.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date
    from pathlib import Path

    from api_service.lists.merging.films import Film

MOVIE_COLUMNS: Final = (
    "position",
    "lookup_key",
    "title",
    "year",
    "watched",
    "rating",
    "rating_original",
    "watch_dates",
    "rewatches",
    "liked",
    "tags",
    "review",
    "in_watchlist",
    "lists",
    "source_url",
    "origins",
    "former_key",
)
"""The columns of `movies.csv`, in order."""


def write_movies(path: Path, films: Iterable[Film], lookup_key: Callable[[Film], str]) -> None:
    """Write one line a film, without a header, in UTF-8; positions count from 1."""
    write_lines(
        path,
        (movie_line(position, film, lookup_key(film)) for position, film in enumerate(films, 1)),
    )


def write_lines(path: Path, *parts: Iterable[str]) -> list[int]:
    """Write lines of COPY input; how many there were of each part."""
    counts = []
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for lines in parts:
            number = 0
            for number, line in enumerate(lines, 1):  # noqa: B007  # it counts
                file.write(line)
            counts.append(number)
    return counts


def movie_line(
    position: int, film: Film, lookup_key: str | None, former_key: str | None = None
) -> str:
    """One film as a line of COPY input, line end included.

    Args:
        position: of the movie.
        film: what is said of it.
        lookup_key: the question that finds it; None for the one that the movie has.
        former_key: the question that the movie has, if it gets another.
    """
    title = quote(film.title) if film.title else ""
    rating = "," if film.rating is None else f"{film.rating.stars},{quote(film.rating.original)}"
    review = "" if film.review is None else quote(film.review)
    source_url = "" if film.source_url is None else quote(film.source_url)
    key = "" if lookup_key is None else quote(lookup_key)
    origins = film.origins()
    kept = quote(origins) if origins else ""
    return (
        f"{position},{key},{title},{film.year or ''},{_flag(film.watched)},{rating},"
        f"{date_array(film.watch_dates)},{film.rewatches},{_flag(film.liked)},{text_array(film.tags)},"
        f"{review},{_flag(film.in_watchlist)},{text_array(film.lists)},{source_url},"
        f"{kept},{quote(former_key) if former_key else ''}\n"
    )


def quote(text: str) -> str:
    """A csv cell that is never NULL."""
    escaped = text.replace('"', '""')
    return f'"{escaped}"'


@lru_cache(maxsize=4_096)
def text_array(items: tuple[str, ...]) -> str:
    """A text[] literal as a csv cell. Tags and lists repeat, so it is cached."""
    escaped = (item.replace("\\", "\\\\").replace('"', '\\"') for item in items)
    elements = ",".join(f'"{item}"' for item in escaped)
    return quote(f"{{{elements}}}")


def date_array(days: list[date]) -> str:
    """A date[] literal as a csv cell."""
    elements = ",".join([day.isoformat() for day in days])
    return f'"{{{elements}}}"'


def _flag(flag: bool) -> str:  # noqa: FBT001  # the flag is the value
    return "t" if flag else "f"
