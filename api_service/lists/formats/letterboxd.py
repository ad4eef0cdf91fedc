"""Letterboxd's export: watched, diary, ratings, reviews, likes, watchlist and lists.

Facts about the format come from real exports. `watched.csv`, `watchlist.csv` and `likes/films.csv`
share one header, so that only name and folder tell them apart. In a diary and in reviews the
address is the entry's; everywhere else it is the film's. A list opens with a line that names the
export's version (in some exports it is empty), a header and a row about the list, a blank line,
and only then the films.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api_service.lists.model import MAX_NAME, Column, Kind, Layout, SetAside, display_name
from api_service.lists.values.headers import (
    file_stem,
    find_columns,
    fold_header,
    is_watchlist,
    split_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS: Final = {
    Column.TITLE: ("name",),
    Column.YEAR: ("year",),
    Column.ADDRESS: ("letterboxduri",),
    Column.WRITTEN: ("date",),
    Column.RATING: ("rating",),
    Column.REWATCH: ("rewatch",),
    Column.TAGS: ("tags",),
    Column.REVIEW: ("review",),
    Column.WATCH_DATE: ("watcheddate",),
}
_LIST_COLUMNS: Final = {
    Column.TITLE: ("name",),
    Column.YEAR: ("year",),
    Column.ADDRESS: ("url", "letterboxduri"),
}
_LIST_HEADER: Final = frozenset({"position", "name", "url"})
_LIST_ABOUT: Final = frozenset({"date", "name", "tags", "url", "description"})
_NO_FILMS_HEADER: Final = frozenset({"date", "content", "comment"})

_FORMATS: Final = {
    Kind.WATCHED: "letterboxd_watched",
    Kind.DIARY: "letterboxd_diary",
    Kind.RATINGS: "letterboxd_ratings",
    Kind.REVIEWS: "letterboxd_reviews",
    Kind.LIKES: "letterboxd_likes",
    Kind.WATCHLIST: "letterboxd_watchlist",
    Kind.LIST: "letterboxd_list",
}
_ENTRIES: Final = frozenset({Kind.DIARY, Kind.REVIEWS})


def holds_no_films(name: str) -> SetAside | None:
    """Whether a file's place in the export says that it holds no films of the user's.

    Such a file is not even opened: profile.csv is personal data.
    """
    folders, stem = split_name(name)
    if not {"deleted", "orphaned"}.isdisjoint(folders):
        return SetAside("what was deleted or orphaned is not part of the user's films")
    if "lists" in folders[-1:]:  # a list may have any name, "profile" too
        return None
    if stem in {"profile", "comments"}:
        return SetAside("holds no films of yours")
    if "likes" in folders[-1:] and stem in {"reviews", "lists"}:
        return SetAside("other people's reviews and lists are not the user's films")
    return None


def recognise_list(opening: Sequence[list[str]], name: str) -> Layout | None:
    """Recognise a list file by the header of its films, wherever that stands."""
    about: int | None = None
    for index, record in enumerate(opening):
        header = fold_header(record)
        if set(header) >= _LIST_HEADER:
            return _list(opening, about, name, header=index)
        if about is None and set(header) >= _LIST_ABOUT:
            about = index
    if about is not None and len(opening) <= about + 2:  # a list without any films
        return _list(opening, about, name, header=len(opening) - 1)
    return None


def _list(opening: Sequence[list[str]], about: int | None, name: str, *, header: int) -> Layout:
    rows = [] if about is None else opening[about : max(header, about + 1)]
    described = dict(zip(fold_header(rows[0]), rows[1], strict=False)) if len(rows) > 1 else {}
    return Layout(
        format=_FORMATS[Kind.LIST],
        kind=Kind.LIST,
        columns=find_columns(fold_header(opening[header]), _LIST_COLUMNS),
        header=header,
        film_addresses=True,
        # It is stored with each film of the list.
        list_name=" ".join(described.get("name", "").split())[:MAX_NAME]
        or display_name(file_stem(name))
        or None,
        may_be_empty=True,
    )


def recognise_export(opening: Sequence[list[str]], name: str) -> Layout | SetAside | None:
    """Recognise any other file of the export by its header, and its name where that must tell."""
    header = fold_header(opening[0])
    if set(header) <= _NO_FILMS_HEADER and "content" in header:
        return SetAside("what was liked or commented on is not the user's films")
    columns = find_columns(header, _COLUMNS)
    if not {Column.TITLE, Column.ADDRESS} <= columns.keys():
        return None
    kind = _kind(columns, name)
    return Layout(
        format=_FORMATS[kind],
        kind=kind,
        columns=columns,
        film_addresses=kind not in _ENTRIES,
        may_be_empty=True,
    )


def _kind(columns: dict[Column, int], name: str) -> Kind:
    if Column.REVIEW in columns:
        return Kind.REVIEWS
    if Column.WATCH_DATE in columns:
        return Kind.DIARY
    if Column.RATING in columns:
        return Kind.RATINGS
    folders, stem = split_name(name)
    if is_watchlist(name):
        return Kind.WATCHLIST
    if "likes" in folders[-1:] or stem == "films" or "likes" in stem or "liked" in stem:
        return Kind.LIKES
    return Kind.WATCHED
