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
from typing import TYPE_CHECKING, Final

from api_service.rules.lists.headers import (
    file_stem,
    find_columns,
    fold_header,
    is_watchlist,
    split_name,
)
from api_service.rules.lists.model import Column, Kind, Layout, SetAside, display_name

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS: Final = {
    Column.TITLE: ("title",),
    Column.YEAR: ("year",),
    Column.TMDB_ID: ("tmdbid", "tmdb"),
    Column.IMDB_ID: ("imdbid", "imdb"),
    Column.TYPE: ("type",),
    Column.RATING: ("rating",),
    Column.WRITTEN: ("ratedat", "listedat", "collectedat", "lastwatchedat"),
    Column.WATCH_DATE: ("watchedat", "lastwatchedat"),
    Column.PLAYS: ("plays",),
    Column.ADDRESS: ("url",),
}
_OUT_OF: Final = 10
_KINDS: Final = {
    "watchedat": Kind.DIARY,
    "lastwatchedat": Kind.WATCHED,
    "ratedat": Kind.RATINGS,
    "listedat": Kind.LIST,
    "collectedat": Kind.LIST,
}
_FORMATS: Final = {
    Kind.DIARY: "trakt_history",
    Kind.WATCHED: "trakt_watched",
    Kind.RATINGS: "trakt_ratings",
    Kind.WATCHLIST: "trakt_watchlist",
    Kind.LIST: "trakt_list",
    Kind.GENERIC: "trakt",
}
_PAGE = re.compile(r"-[0-9]+$")
_NO_FILMS: Final = (
    "user-",
    "network-",
    "comments-",
    "notes-",
    "hidden-",
    "lists-lists",
    "watched-playback",
)


def holds_no_films(name: str) -> SetAside | None:
    """Whether a file of the export says by its name that it holds no films of the user's."""
    _, stem = split_name(name)
    if name.casefold().endswith(".json") and stem.startswith(_NO_FILMS):
        return SetAside("holds no films of yours")
    return None


def recognise(opening: Sequence[list[str]], name: str) -> Layout | None:
    """Recognise what has Trakt's ids, or one of its moments beside a type."""
    header = fold_header(opening[0])
    moment = next((name for name in _KINDS if name in header), None)
    has_ids = not {"traktid", "trakt"}.isdisjoint(header)
    if not has_ids and (moment is None or "type" not in header):
        return None
    columns = find_columns(header, _COLUMNS)
    if columns.keys().isdisjoint({Column.TITLE, Column.TMDB_ID, Column.IMDB_ID}):
        return None
    kind = _KINDS[moment] if moment else Kind.GENERIC
    if is_watchlist(name):
        kind = Kind.WATCHLIST
    return Layout(
        format=_FORMATS[kind],
        kind=kind,
        columns=columns,
        list_name=_list_name(name, moment) if kind is Kind.LIST else None,
        may_be_empty=True,
        rating_out_of=_OUT_OF,
    )


def _list_name(name: str, moment: str | None) -> str | None:
    if moment == "collectedat":
        return "collection"
    return display_name(_PAGE.sub("", file_stem(name).removeprefix("lists-"))) or None
