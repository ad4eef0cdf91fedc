"""Our own export, read back: whole, or as the corrected list of what was not found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api_service.lists.files.spreadsheets import LETTERBOXD, plain_cell
from api_service.lists.merging.additions import SessionMerger
from api_service.lists.merging.films import Said
from api_service.lists.model import Column, Kind, Layout, Problem
from api_service.lists.rows.rows import RowReader
from api_service.lists.rows.survey import COMMON
from api_service.lists.values import cells
from api_service.lists.values.dates import date_reader, is_numbered
from api_service.lists.values.headers import find_columns, fold_header, is_watchlist
from api_service.lists.values.ratings import rating_reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from api_service.lists.merging.merging import FilmMerger, Source
    from api_service.lists.model import Sighting
    from api_service.lists.report import FileJournal
    from api_service.lists.values.dates import DateOrder

FORMAT: Final = "projectionist"

_COLUMNS: Final = {
    Column.TITLE: ("title",),
    Column.YEAR: ("year",),
    Column.TMDB_ID: ("tmdbid",),
    Column.IMDB_ID: ("imdbid",),
    Column.ADDRESS: ("sourceurl",),
    Column.RATING: ("rating",),
    Column.TAGS: ("tags",),
    Column.REVIEW: ("review",),
}
_IMPORT_COLUMNS: Final = {
    Column.TITLE: ("title",),
    Column.YEAR: ("year",),
    Column.TMDB_ID: ("tmdbid",),
    Column.IMDB_ID: ("imdbid",),
    Column.ADDRESS: ("letterboxduri",),
    Column.RATING: ("rating",),
    Column.RATING10: ("rating10",),
    Column.WATCH_DATE: ("watcheddate",),
    Column.REWATCH: ("rewatch",),
    Column.TAGS: ("tags",),
    Column.REVIEW: ("review",),
    Column.PLAYS: ("plays",),
}
_IMPORT_MARKS: Final = frozenset(fold_header(LETTERBOXD))
_MARKS: Final = frozenset({"position", "title", "year", "tmdbid", "imdbid", "session"})
_OF_A_ROW: Final = frozenset(
    {
        *("session", "position", "ratingoriginal", "watched", "watchdates", "rewatches", "liked"),
        *("tags", "inwatchlist", "lists"),
    }
)
"""Columns that only an export has, or that mean more in one."""
_LONGEST_NUMBER: Final = 9
_read_date = date_reader(None)
_read_original = rating_reader(5)


@dataclass(frozen=True, slots=True)
class ExportedRow:
    """One row: what any list says, the movie that it was, and what only an export says."""

    sighting: Sighting
    session: str
    position: int | None
    said: Said


def recognise(opening: Sequence[list[str]], _: str) -> Layout | None:
    """Recognise our export by the columns that tell which movie of which session a row is."""
    header = fold_header(opening[0])
    if not set(header) >= _MARKS:
        return None
    return Layout(
        format=FORMAT,
        # The list to correct does not say what was watched; anywhere else it is a list of titles.
        kind=Kind.OWN if "watched" in header else Kind.GENERIC,
        columns=find_columns(header, _COLUMNS),
        film_addresses=True,
        may_be_empty=True,
        names_unread=False,
    )


def recognise_import_form(opening: Sequence[list[str]], name: str) -> Layout | None:
    """Recognise Letterboxd's import form as we write it.

    Its addresses are those of films, and its cells are as safe as those of our own export.
    """
    header = fold_header(opening[0])
    if not set(header) >= _IMPORT_MARKS:
        return None
    return Layout(
        format="letterboxd_import",
        kind=Kind.WATCHLIST if is_watchlist(name) else Kind.GENERIC,
        columns=find_columns(header, _IMPORT_COLUMNS),
        film_addresses=True,
        safe_cells=True,
        may_be_empty=True,
        names_unread=False,
    )


def add_rows(
    records: Iterable[tuple[int, list[str]]],
    source: Source,
    merger: FilmMerger,
    mark: str | None,
    find_orders: Callable[[], Mapping[int, DateOrder | None]],
) -> None:
    """Merge the rows of our export; those of the session called `mark` correct its movies.

    Raises:
        ListRefused: too many rows or films.
    """
    for row in _read(records, source.layout, source.journal, find_orders):
        if isinstance(merger, SessionMerger) and row.session == mark:
            _correct(row, source, merger)
            continue
        film = merger.add_addressed(row.sighting, source) if row.sighting.address else None
        film = film or merger.add_entry(row.sighting, source)
        film.add_said(row.said)


def _correct(row: ExportedRow, source: Source, merger: SessionMerger) -> None:
    film = merger.known_at(row.position) if row.position else None
    if film is None:
        source.journal.reject(
            row.sighting.line,
            Problem.NO_SUCH_POSITION,
            "The session has no movie at this Position any more",
        )
        return
    merger.correct(film, row.sighting, source)
    film.add_said(row.said)
    film.set_opinion(row.sighting.rating, row.sighting.review.strip())


def _read(
    records: Iterable[tuple[int, list[str]]],
    layout: Layout,
    journal: FileJournal,
    find_orders: Callable[[], Mapping[int, DateOrder | None]],
) -> Iterator[ExportedRow]:
    header: dict[str, int] = {}
    latest: list[str] = []
    read_date = _read_date

    def plain() -> Iterator[tuple[int, list[str]]]:
        nonlocal latest
        for line, record in records:
            latest = [plain_cell(cell) if cell else cell for cell in record]
            if not header:
                named = enumerate(fold_header(latest))
                header.update((name, at) for at, name in named if name in _OF_A_ROW)
            yield line, latest

    # One record in, one sighting out: what was read last is the row of what came out last.
    for sighting in RowReader(layout, journal).read(plain()):
        row = {name: latest[at] for name, at in header.items()}
        if read_date is _read_date and is_numbered(row.get("watchdates", "")):
            # A spreadsheet has rewritten them.
            orders = find_orders()
            read_date = date_reader(orders.get(header["watchdates"], orders[COMMON]))
        yield ExportedRow(
            _as_given(sighting, row.get("ratingoriginal", "")),
            row["session"].strip(),
            _number(row["position"]),
            _said(row, sighting, journal, read_date),
        )


def _as_given(sighting: Sighting, original: str) -> Sighting:
    """The row with its rating as it was given first, `9/10` say, unless its stars were changed."""
    try:
        given = _read_original(original)
    except ValueError:
        return sighting
    same = given and sighting.rating and given.stars == sighting.rating.stars
    return sighting._replace(rating=given) if same else sighting


def _said(
    row: Mapping[str, str],
    sighting: Sighting,
    journal: FileJournal,
    read_date: Callable[[str], date | None],
) -> Said:
    return Said(
        watched=cells.read_flag(row.get("watched", "")),
        watch_dates=_dates(row.get("watchdates", ""), sighting.line, journal, read_date),
        rewatches=_number(row.get("rewatches", "")) or 0,
        liked=cells.read_flag(row.get("liked", "")),
        tags=cells.split_tags(row.get("tags", "")),
        in_watchlist=cells.read_flag(row.get("inwatchlist", "")),
        lists=[name.strip() for name in row.get("lists", "").split("\n") if name.strip()],
    )


def _dates(
    cell: str, line: int, journal: FileJournal, read_date: Callable[[str], date | None]
) -> list[date]:
    days = []
    for text in cell.split(","):
        try:
            day = read_date(text)
        except ValueError as error:
            journal.note(line, Problem.BAD_DATE, str(error))
        else:
            days += [day] if day else []
    return days


def _number(cell: str) -> int | None:
    text = cell.strip()
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else None
