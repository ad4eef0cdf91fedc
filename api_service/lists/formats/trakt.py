"""Trakt's export and API as JSON, and the CSV of its ratings, history and lists.

From exports and the API's documentation in public repositories: a JSON item is `{"watched_at" |
"rated_at" | "listed_at" | "collected_at" | "last_watched_at": …, "rating": 1 to 10, "plays": …,
"type": "movie" | "show" | "season" | "episode", "movie": {"title", "year", "ids": {"trakt",
"slug", "imdb", "tmdb"}}}`, which `json_items` flattens to the same names as those of the CSV:
`rated_at,type,title,year,trakt_rating,trakt_id,imdb_id,tmdb_id,tvdb_id,url,…,genres,rating`. The
export's files are called `watched-history-1.json`, `ratings-movies.json`, `lists-watchlist.json`,
`collection-movies.json`; `watched-shows.json` and the like have no movie, and each item is set
aside. Which moment an item has tells what it is; times are in UTC, of which the day is kept.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Final

from api_service.lists.model import Column, Kind, Layout, SetAside, display_name
from api_service.lists.report import Budget, FileJournal
from api_service.lists.values.headers import (
    file_stem,
    find_columns,
    fold_header,
    is_watchlist,
    split_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api_service.lists.files.tables import Table

_COLUMNS: Final = {
    Column.TITLE: ("title",),
    Column.YEAR: ("year",),
    Column.TMDB_ID: ("tmdbid", "tmdb"),
    Column.IMDB_ID: ("imdbid", "imdb"),
    Column.TYPE: ("type",),
    Column.RATING: ("rating", "myrating"),
    Column.WRITTEN: ("ratedat", "listedat", "collectedat", "lastwatchedat"),
    Column.WATCH_DATE: ("watchedat", "lastwatchedat"),
    Column.PLAYS: ("plays",),
    Column.ADDRESS: ("url",),
    Column.OWN_ID: ("traktid", "trakt"),
}
_OUT_OF: Final = 10
_KINDS: Final = {
    "watchedat": Kind.DIARY,
    "lastwatchedat": Kind.WATCHED,
    "ratedat": Kind.RATINGS,
    "listedat": Kind.LIST,
    "collectedat": Kind.LIST,
}
LIST_FORMAT: Final = "trakt_list"
_FORMATS: Final = {
    Kind.DIARY: "trakt_history",
    Kind.WATCHED: "trakt_watched",
    Kind.RATINGS: "trakt_ratings",
    Kind.WATCHLIST: "trakt_watchlist",
    Kind.LIKES: "trakt_likes",
    Kind.LIST: LIST_FORMAT,
    Kind.GENERIC: "trakt",
}
_PAGE = re.compile(r"-[0-9]+$")
_OF_A_LIST: Final = re.compile(r"(?:lists-)?list-([0-9]+)-(.+)")
"""The name of the file of a list, as the export of 2026 writes it."""
_DESCRIBES: Final = frozenset({"name", "privacy"})
_NO_FILMS: Final = (
    "user-",
    "network-",
    "comments-",
    "notes-",
    "hidden-",
    "watched-playback",
)


def holds_no_films(name: str) -> SetAside | None:
    """Whether a file of the export says by its name that it holds no films of the user's."""
    _, stem = split_name(name)
    if name.casefold().endswith(".json") and stem.startswith(_NO_FILMS):
        return SetAside("holds no films of yours")
    return None


def recognise(opening: Sequence[list[str]], name: str) -> Layout | SetAside | None:
    """Recognise what has Trakt's ids, or one of its moments beside a type."""
    header = fold_header(opening[0])
    if _DESCRIBES.issubset(header) and "title" not in header:
        return SetAside("describes lists, and holds no films", describes_lists=True)
    moment = next((name for name in _KINDS if name in header), None)
    if moment is None and not {"hiddenat", "pausedat"}.isdisjoint(header):
        return SetAside("holds what was hidden or begun, and not seen")
    has_ids = not {"traktid", "trakt"}.isdisjoint(header)
    if not has_ids and (moment is None or "type" not in header):
        return None
    columns = find_columns(header, _COLUMNS)
    if columns.keys().isdisjoint({Column.TITLE, Column.TMDB_ID, Column.IMDB_ID}):
        return None
    kind = _KINDS[moment] if moment else Kind.GENERIC
    if is_watchlist(name):
        kind = Kind.WATCHLIST
    elif kind is Kind.LIST and "favorite" in file_stem(name).casefold():
        kind = Kind.LIKES
    return Layout(
        format=_FORMATS[kind],
        kind=kind,
        columns=columns,
        further=_own_rating(header, columns),
        source="trakt",
        list_name=_list_name(name, moment) if kind is Kind.LIST else None,
        may_be_empty=True,
        rating_out_of=_OUT_OF,
        blanks_may_tell=not has_ids and kind is Kind.DIARY,
    )


def _own_rating(
    header: Sequence[str], columns: Mapping[Column, int]
) -> dict[Column, tuple[int, ...]]:
    """Items of a list have the user's rating under another name, beside one of a season, say."""
    at = header.index("myrating") if "myrating" in header else None
    return {Column.RATING: (at,)} if at is not None and at != columns[Column.RATING] else {}


def _list_name(name: str, moment: str | None) -> str | None:
    if moment == "collectedat":
        return "collection"
    stem = file_stem(name)
    numbered = _OF_A_LIST.fullmatch(stem)
    if numbered:  # the name itself stands in another file, if anywhere
        return display_name(numbered[2].replace("-", " ").capitalize()) or None
    return display_name(_PAGE.sub("", stem.removeprefix("lists-"))) or None


def described_lists(table: Table, budget: Budget) -> dict[str, str]:
    """The names of lists, by Trakt's id and by the short name that files have.

    Raises:
        ListRefused: the file cannot be read to its end.
    """
    names: dict[str, str] = {}
    scratch = FileJournal(table.text.file.name, Budget(rows=budget.rows, rejected=0))
    with closing(table.records(scratch)) as records:
        header = fold_header(next(records)[1])
        at = {name: header.index(name) for name in ("name", "slug", "trakt") if name in header}
        for _, row in records:
            cells = {name: row[place] for name, place in at.items()}
            for key in ("slug", "trakt"):
                if cells.get(key):
                    names[cells[key]] = cells.get("name", "")
    return names


def name_of_list(layout: Layout, name: str, described: Mapping[str, str]) -> str | None:
    """The name of the list that a file is, as its user wrote it."""
    stem = file_stem(name)
    numbered = _OF_A_LIST.fullmatch(stem)
    keys = numbered.groups() if numbered else (stem.removeprefix("lists-"),)
    found = next((described[key] for key in keys if described.get(key)), "")
    return display_name(found) or layout.list_name
