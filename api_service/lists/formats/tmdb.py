"""TMDB's own exports: ratings, watchlist, favourites and lists under one header.

The header, from exports in public repositories: `TMDb ID,IMDb ID,Type,Name,Release Date,Season
Number,Episode Number,Rating,Your Rating,Date Rated`. `Rating` is everybody's; `Your Rating` goes to
10 in halves (`7.0`, `8.5`), and is blank but in ratings; `Type` is `movie` or `tv`, where the id is
of a series; dates may have a time (`2022-05-04T00:00:00Z`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api_service.lists.model import Column, Kind, Layout, display_name
from api_service.lists.values.headers import file_stem, find_columns, fold_header, is_watchlist

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS: Final = {
    Column.TMDB_ID: ("tmdbid",),
    Column.IMDB_ID: ("imdbid",),
    Column.TYPE: ("type",),
    Column.TITLE: ("name",),
    Column.YEAR: ("releasedate",),
    Column.RATING: ("yourrating",),
    Column.WRITTEN: ("daterated",),
}
_HEADER: Final = frozenset({"tmdbid", "type", "name", "releasedate"})
_OUT_OF: Final = 10


def recognise(opening: Sequence[list[str]], name: str) -> Layout | None:
    """Recognise an export by the columns that no other has together."""
    header = fold_header(opening[0])
    if not set(header) >= _HEADER:
        return None
    columns = find_columns(header, _COLUMNS)
    kind = _kind(columns, opening, name)
    return Layout(
        format=f"tmdb_{kind.name.lower()}",
        kind=kind,
        columns=columns,
        list_name=display_name(file_stem(name)) or None if kind is Kind.LIST else None,
        may_be_empty=True,
        rating_out_of=_OUT_OF,
    )


def _kind(columns: dict[Column, int], opening: Sequence[list[str]], name: str) -> Kind:
    stem = file_stem(name).casefold()
    if is_watchlist(name):
        return Kind.WATCHLIST
    if "favorite" in stem or "favourite" in stem:
        return Kind.LIKES
    rated = columns.get(Column.RATING)
    any_rated = rated is not None and any("".join(row[rated : rated + 1]) for row in opening[1:])
    return Kind.RATINGS if any_rated or "rating" in stem or "rated" in stem else Kind.LIST
