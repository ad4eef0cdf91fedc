"""IMDb's exports of ratings, watchlists and lists, in the three forms they have had.

The forms, from exports and importers in public repositories:

- until 2017: every name in quotation marks, `position`, `const`, `created`, `Title type`, `You
  rated`; one header for ratings, watchlist and lists; `Feature Film`; `Sat Apr 23 08:36:35 2011`;
- 2018 to 2024: `Const`, `Your Rating`, `Date Rated`, `Title Type`; `movie`, `tvSeries`;
- from 2024: `Original Title` beside `Title`; `Movie`, `TV Series`.

A list has `Position`, ratings of the later forms have not. `Your Rating` may stand in a list too,
blank for what was not rated: whoever rated a film has seen it, and nothing else in a list says so.
A list of people has the same `Const` and `Position`, and no titles.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from api_service.lists.model import Column, Kind, Layout, SetAside, display_name
from api_service.lists.values.headers import file_stem, find_columns, fold_header, is_watchlist

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS: Final = {
    Column.IMDB_ID: ("const",),
    Column.TITLE: ("title", "originaltitle"),
    Column.YEAR: ("year",),
    Column.TYPE: ("titletype",),
    Column.RATING: ("yourrating", "yourated"),
    Column.WRITTEN: ("daterated", "created"),
    Column.ADDRESS: ("url",),
}
_OUT_OF: Final = 10
# What IMDb calls a list's file when its user did not: an id, or a running number of its own.
_NO_NAME: Final = re.compile(r"(?:ls[0-9]+|list|export|[0-9a-f]{8}-[0-9a-f-]{27})?", re.IGNORECASE)


def recognise(opening: Sequence[list[str]], name: str) -> Layout | SetAside | None:
    """Recognise an export by its `Const` and what stands beside it."""
    header = fold_header(opening[0])
    if "const" not in header:
        return None
    if "knownfor" in header or {"name", "position"} <= set(header):
        return SetAside("a list of people, not of films")
    columns = find_columns(header, _COLUMNS)
    if columns.keys().isdisjoint({Column.TYPE, Column.RATING}):
        return None
    kind = _kind(columns, opening, name, has_positions="position" in header)
    return Layout(
        format=f"imdb_{kind.name.lower()}",
        kind=kind,
        columns=columns,
        list_name=_list_name(name) if kind is Kind.LIST else None,
        may_be_empty=True,
        rating_out_of=_OUT_OF,
    )


def _kind(
    columns: dict[Column, int], opening: Sequence[list[str]], name: str, *, has_positions: bool
) -> Kind:
    if is_watchlist(name):
        return Kind.WATCHLIST
    rated = columns.get(Column.RATING)
    if rated is None:
        return Kind.LIST
    if not has_positions or "rating" in file_stem(name).casefold():
        return Kind.RATINGS
    # Until 2017 all files had one header; only ratings have one in every row.
    rows = opening[1:]
    all_rated = all(len(row) > rated and row[rated].strip() for row in rows)
    return Kind.RATINGS if rows and all_rated else Kind.LIST


def _list_name(name: str) -> str | None:
    stem = display_name(file_stem(name))
    return None if _NO_NAME.fullmatch(stem) else stem
