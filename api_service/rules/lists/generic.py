"""Any CSV with a column of titles or of film ids, Letterboxd's import form among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from api_service.rules.lists.cells import split_title
from api_service.rules.lists.headers import find_columns, fold_header, is_watchlist
from api_service.rules.lists.model import Column, Kind, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

# The names of Letterboxd's import form are those of https://letterboxd.com/about/importing-data/.
_COLUMNS: Final = {
    Column.TITLE: (
        *("title", "name", "film", "movie", "filmtitle", "movietitle", "filmname", "moviename"),
        *("primarytitle", "originaltitle"),
        *("titel", "filmtitel", "titre", "título", "titulo", "titolo", "tytuł"),
    ),
    Column.YEAR: (
        *("year", "releaseyear", "filmyear", "movieyear", "yearofrelease", "yearreleased"),
        *("releasedate", "released", "datereleased"),
        *("jahr", "année", "annee", "año", "ano", "anno", "jaar", "rok"),
    ),
    Column.TMDB_ID: ("tmdbid", "tmdb", "tmdbmovieid"),
    Column.IMDB_ID: ("imdbid", "imdb", "const", "tconst"),
    Column.ADDRESS: ("letterboxduri", "letterboxdurl", "url", "uri", "link"),
    Column.RATING: ("rating", "yourrating", "myrating", "userrating"),
    Column.RATING10: ("rating10",),
    Column.WATCH_DATE: (
        *("watcheddate", "watchdate", "datewatched", "watchedon", "watchedat", "lastwatchedat"),
    ),
    Column.REWATCH: ("rewatch",),
    Column.TAGS: ("tags",),
    Column.PLAYS: ("plays", "timeswatched", "watchcount"),
    Column.REVIEW: ("review",),
    Column.SEEN: ("watched", "seen"),
    Column.TYPE: ("type", "titletype", "mediatype"),
}

FILM_NAMES: Final = frozenset(
    {*_COLUMNS[Column.TITLE], *_COLUMNS[Column.TMDB_ID], *_COLUMNS[Column.IMDB_ID]}
)
"""Columns of which one must be there."""


def recognise(opening: Sequence[list[str]], name: str) -> Layout | None:
    """Recognise a CSV by its header.

    A file that is called a watchlist is one: its films have not been seen.
    """
    header = fold_header(opening[0])
    columns = find_columns(header, _COLUMNS)
    if columns.keys().isdisjoint({Column.TITLE, Column.TMDB_ID, Column.IMDB_ID}):
        return None
    return Layout(
        format="csv",
        kind=Kind.WATCHLIST if is_watchlist(name) else Kind.GENERIC,
        columns=columns,
        split_title=None if Column.YEAR in columns else split_title,
        rating_out_of=None,
        dates_vary=True,
    )
