"""A complete Letterboxd export, with each file in its real format.

Watched, ratings, watchlist, likes and lists carry the film's address; diary and reviews carry the
entry's own. Lines end with CRLF, reviews may hold line breaks, and a list opens with a preamble.
"""

from __future__ import annotations

import csv
import random
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from local_stack.samples.viewings import Title, Viewing, made_up_titles, titles_of, viewings_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from local_stack.tmdb.film import Film

_FILM_HEADER: Final = ("Date", "Name", "Year", "Letterboxd URI")
_RATING_HEADER: Final = (*_FILM_HEADER, "Rating")
_DIARY_HEADER: Final = (*_FILM_HEADER, "Rating", "Rewatch", "Tags", "Watched Date")
_REVIEW_HEADER: Final = (*_FILM_HEADER, "Rating", "Rewatch", "Review", "Tags", "Watched Date")
_LIST_HEADER: Final = ("Date", "Name", "Tags", "URL", "Description")
_LISTED_HEADER: Final = ("Position", "Name", "Year", "URL", "Description")
_PROFILE_HEADER: Final = (
    "Date Joined",
    "Username",
    "Given Name",
    "Family Name",
    "Email Address",
    "Location",
    "Website",
    "Bio",
    "Pronoun",
    "Favorite Films",
)
_EXPORTED_ON: Final = "2024-05-04"
_DIGITS: Final = string.ascii_letters + string.digits
_LIKED: Final = 0.3
_FAVOURITES: Final = 10


@dataclass(frozen=True, slots=True)
class SampleSummary:
    """The true contents of an export, to check a parse against.

    Attributes:
        films: distinct films in all files.
        watched: films seen.
        watchlist_only: films on the watchlist and not seen.
        list_only: films on a list, neither seen nor on the watchlist.
        missing: films that the catalogue lacks.
        viewings: diary entries.
        reviews: reviews.
        rated: films in ratings.csv.
        liked: films in likes/films.csv.
    """

    films: int
    watched: int
    watchlist_only: int
    list_only: int
    missing: int
    viewings: int
    reviews: int
    rated: int
    liked: int


def write_letterboxd_export(
    folder: Path,
    films: Sequence[Film],
    *,
    seed: int,
    missing: int = 3,
    watchlist: Sequence[Film] = (),
    listed: Sequence[Film] = (),
) -> SampleSummary:
    """Write an export as Letterboxd does.

    Args:
        folder: the folder for the files, created if missing.
        films: films seen.
        seed: for dates, ratings, tags and reviews.
        missing: how many more films are seen that exist in no catalogue.
        watchlist: films on the watchlist; none of `films`.
        listed: films on a list only; none of the others.

    Returns:
        The true numbers.

    Raises:
        ValueError: a film is given twice, or `missing` is more than there are made-up titles.
    """
    absent = made_up_titles(missing)
    seen = [*titles_of(films), *absent]
    wanted, only_listed = titles_of(watchlist), titles_of(listed)
    everything = [*seen, *wanted, *only_listed]
    random.Random(seed).shuffle(seen)
    if len({title.number for title in everything}) < len(everything):
        raise ValueError("a film is given twice; each belongs to one of films, watchlist, listed")
    viewings = _write_files(folder, seen, wanted, only_listed, seed)
    return SampleSummary(
        films=len(everything),
        watched=len(seen),
        watchlist_only=len(wanted),
        list_only=len(only_listed),
        missing=len(absent),
        viewings=len(viewings),
        reviews=sum(bool(viewing.review) for viewing in viewings),
        rated=len(_rated(viewings)),
        liked=len(_liked(seen, seed)),
    )


def _write_files(
    folder: Path,
    seen: Sequence[Title],
    wanted: Sequence[Title],
    only_listed: Sequence[Title],
    seed: int,
) -> list[Viewing]:
    viewings = viewings_of(seen, seed)
    reviews = [viewing for viewing in viewings if viewing.review]
    for part in (folder, folder / "likes", folder / "lists"):
        part.mkdir(parents=True, exist_ok=True)
    _write(folder / "profile.csv", _PROFILE_HEADER, [_profile()])
    _write(folder / "watched.csv", _FILM_HEADER, map(_film_row, seen))
    _write(folder / "watchlist.csv", _FILM_HEADER, map(_film_row, wanted))
    _write(folder / "likes" / "films.csv", _FILM_HEADER, map(_film_row, _liked(seen, seed)))
    _write(folder / "ratings.csv", _RATING_HEADER, map(_rating_row, _rated(viewings)))
    _write(folder / "diary.csv", _DIARY_HEADER, map(_diary_row, viewings))
    _write(folder / "reviews.csv", _REVIEW_HEADER, map(_review_row, reviews))
    _write_list(folder, "Favourites", seen[:_FAVOURITES], number=1)
    _write_list(folder, "Films, one day", [*wanted[:3], *only_listed], number=2)
    return viewings


def _rated(viewings: Iterable[Viewing]) -> list[Viewing]:
    """Return the last rated viewing of each film: Letterboxd keeps one rating per film."""
    return list(
        {viewing.title: viewing for viewing in viewings if viewing.rating is not None}.values()
    )


def _liked(seen: Sequence[Title], seed: int) -> list[Title]:
    chance = random.Random(seed)
    return [title for title in seen if chance.random() < _LIKED]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(header)
        writer.writerows(rows)


def _write_list(folder: Path, name: str, titles: Sequence[Title], *, number: int) -> None:
    stem = "-".join(name.lower().replace(",", "").split())
    with (folder / "lists" / f"{stem}.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("Letterboxd list export v7\r\n")
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(_LIST_HEADER)
        about = 'Kept since school.\nNot in order, whatever "position" says.'
        writer.writerow((_EXPORTED_ON, name, "kept", _entry_address(2**40 + number), about))
        file.write("\r\n")
        writer.writerow(_LISTED_HEADER)
        for position, title in enumerate(titles, start=1):
            writer.writerow((position, title.name, title.year, _film_address(title), ""))


def _profile() -> tuple[str, ...]:
    return ("2018-11-02", "sample_viewer", "Sam", "Ple", "", "Nowhere", "", "", "They / their", "")


def _film_row(title: Title) -> tuple[object, ...]:
    return (_EXPORTED_ON, title.name, title.year, _film_address(title))


def _rating_row(viewing: Viewing) -> tuple[object, ...]:
    return (
        viewing.watched_on,
        viewing.title.name,
        viewing.title.year,
        _film_address(viewing.title),
        _stars(viewing),
    )


def _diary_row(viewing: Viewing) -> tuple[object, ...]:
    return (*_entry_row(viewing), viewing.tags, viewing.watched_on)


def _review_row(viewing: Viewing) -> tuple[object, ...]:
    return (*_entry_row(viewing), viewing.review, viewing.tags, viewing.watched_on)


def _entry_row(viewing: Viewing) -> tuple[object, ...]:
    return (
        viewing.watched_on,
        viewing.title.name,
        viewing.title.year,
        _entry_address(viewing.number),
        _stars(viewing),
        "Yes" if viewing.rewatch else "",
    )


def _stars(viewing: Viewing) -> str:
    """Return `4` or `3.5`, as Letterboxd writes stars."""
    return "" if viewing.rating is None else f"{viewing.rating:f}"


def _film_address(title: Title) -> str:
    return _short_address(2 * title.number)


def _entry_address(number: int) -> str:
    # Odd numbers, so that no entry shares a film's address.
    return _short_address(2 * (10_000_000 + number) + 1)


def _short_address(number: int) -> str:
    code = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        code = _DIGITS[digit] + code
    return f"https://boxd.it/{code}"
