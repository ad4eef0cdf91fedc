"""The formats there are, and which one a file is in."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final, TypeAlias

from api_service.lists.files.json_items import open_json
from api_service.lists.files.json_shapes import LIST_NAME
from api_service.lists.files.row_files import RowsTable
from api_service.lists.files.tables import CsvTable, Table
from api_service.lists.files.text import MAX_COLUMNS
from api_service.lists.formats import (
    critics,
    generic,
    imdb,
    kinopoisk,
    letterboxd,
    movielens,
    netflix,
    players,
    simkl,
    tmdb,
    trackers,
    trakt,
    tv_time,
    xml_items,
)
from api_service.lists.formats.plain import open_plain, titles_layout
from api_service.lists.merging import own_export as ours
from api_service.lists.model import (
    Column,
    CostLimit,
    Layout,
    ListRefused,
    ListTooCostly,
    Refusal,
    SetAside,
)
from api_service.lists.report import Budget, FileJournal
from api_service.lists.values.headers import file_stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_service.lists.files.json_items import JsonTable
    from api_service.lists.files.text import Text

Recogniser: TypeAlias = Callable[[Sequence[list[str]], str], Layout | SetAside | None]
"""Given a file's first records, at least one of them, and its name: how to read it, or None."""

DECLARED: Final = (
    *simkl.FORMATS,
    *tv_time.FORMATS,
    *trackers.FORMATS,
    *players.FORMATS,
    *critics.FORMATS,
)
"""Formats that are nothing but a declaration."""
RECOGNISERS: Final[tuple[Recogniser, ...]] = (
    xml_items.recognise,
    kinopoisk.recognise,
    ours.recognise,
    ours.recognise_import_form,
    letterboxd.recognise_list,  # before the next: the lines about a list look like titles
    letterboxd.recognise_export,
    imdb.recognise,
    *(declared.recognise for declared in DECLARED),
    tmdb.recognise,
    trakt.recognise,
    movielens.recognise,
    netflix.recognise,
    generic.recognise,
)
"""Asked in this order. A new format stands before the generic one."""

_STATED: Final = (
    xml_items.recognise,
    kinopoisk.recognise,
    ours.recognise,
    ours.recognise_import_form,
    netflix.recognise,
    generic.recognise,
)
"""Those whose layouts say all that there is of states."""
_DELIMITERS: Final = (",", ";", "\t")
_OPENING: Final = 12
_MOST_SKIPPED: Final = 10_000
"""Records that cannot be used, and that may stand before the first ones that can."""
_FILM_NAMES: Final = (
    generic.FILM_NAMES
    | netflix.TITLE_NAMES
    | {movielens.ID_NAME}
    | {
        name.casefold().replace("_", "")
        for declared in DECLARED
        for column in (Column.TITLE, Column.ID)
        for name in declared.columns.get(column, ())
    }
)
"""Folded names of which a film in JSON has at least one, in whatever format."""
_MOST_ABOVE: Final = 5
"""Rows, such as a heading, among which a sheet's header is looked for."""
_ABOUT: Final = frozenset({"readme", "license", "licence", "copying"})
_SHOWN: Final = 80
_MOST_NAMED: Final = 12


def holds_no_films(name: str) -> SetAside | None:
    """Whether a file says by its name alone that it holds no films; then it is never opened."""
    if file_stem(name).casefold() in _ABOUT:
        return SetAside("tells about the other files")
    return letterboxd.holds_no_films(name) or trakt.holds_no_films(name)


def recognise(text: Text, most_rows: int) -> tuple[Table, Layout | SetAside]:
    """How a file is taken apart, and how its rows are read.

    Args:
        text: the file.
        most_rows: that it may have.

    Raises:
        ListRefused: no format knows it, or it has too many rows.
        ListTooCostly: reading it would take too much.
    """
    if text.file.numbered:
        rows = RowsTable(text)
        for above in range(_MOST_ABOVE):
            layout = _layout(rows, above)
            if layout:
                return rows, layout
        opening = _opening(rows)
        # Of one sheet among others nobody said that its texts are titles.
        if not text.file.from_zip and all(len(record) == 1 for record in opening):
            titles = titles_layout([title for (title,) in opening], text.file.name)
            if titles:
                return RowsTable(text, ("Title",)), titles
        raise _unknown(text, rows)
    json_table = open_json(text, _FILM_NAMES, most_rows)
    if json_table:
        layout = _layout(json_table) if json_table.header else None
        return json_table, layout or SetAside(_no_titles(json_table))
    for delimiter in _DELIMITERS:
        table = CsvTable(text, delimiter)
        layout = _layout(table)
        if layout:
            return table, layout
    plain = open_plain(text)
    if plain:
        return plain
    raise _unknown(text)


def _no_titles(table: JsonTable) -> str:
    """Why JSON is no list: what its items have in place of titles."""
    named = [name for name in table.header if name not in {"type", LIST_NAME}]
    names = [table.spelling(name)[:_SHOWN] for name in named[:_MOST_NAMED]]
    if not names:
        return "no titles or ids of films were found; it has no objects with members"
    more = f" and {len(named) - len(names)} more" if len(named) > len(names) else ""
    return f"no titles or ids of films were found; its members are {', '.join(names)}{more}"


def _layout(table: Table, above: int = 0) -> Layout | SetAside | None:
    """How a table is read, whose header may have some records above it."""
    opening = _opening(table)
    # Excel may write which delimiter follows: `sep=;`.
    first = above or (1 if opening and opening[0][0].casefold().startswith("sep=") else 0)
    for recogniser in RECOGNISERS if opening[first:] else ():
        layout = recogniser(opening[first:], table.text.file.name)
        if isinstance(layout, Layout):
            header = opening[layout.header + first]
            _refuse_wide(header, table.text.file.name)
            if recogniser not in _STATED:
                layout = generic.with_states(layout, header)
            return replace(layout, header=layout.header + first)
        if layout:
            return layout
    return None


def _refuse_wide(header: Sequence[str], name: str) -> None:
    """Refuse a table of which each short row would be filled up with thousands of blank cells.

    Raises:
        ListTooCostly: it has too many columns.
    """
    if len(header) > MAX_COLUMNS:
        raise ListTooCostly(
            name,
            CostLimit.NAMES,
            f"its header names more than {MAX_COLUMNS:,} columns; upload only those of the films",
        )


def _opening(table: Table) -> list[list[str]]:
    opening: list[list[str]] = []
    # With the wrong delimiter anything may look broken; with the right one, reading says so again.
    with contextlib.suppress(ListRefused):
        for _, record in islice(table.records(_scratch_journal(table.text)), _OPENING):
            opening.append(record)  # what was read before a refusal is kept
    return opening


def _unknown(text: Text, table: Table | None = None) -> ListRefused:
    journal = _scratch_journal(text)
    for line, record in _readable(table or CsvTable(text, ","), journal):
        first = "".join(char for char in ",".join(record) if char.isprintable())[:_SHOWN]
        return ListRefused(
            text.file.name,
            Refusal.NO_TITLE_COLUMN,
            "no header with a title column was found; the first line must name the columns, one "
            f"of them “Title”, “Name”, “Film” or “Movie”; it reads “{first}”",
            line,
        )
    if journal.rejected:
        return ListRefused(text.file.name, Refusal.NO_TITLE_COLUMN, journal.rejected[0].reason, 1)
    return ListRefused(text.file.name, Refusal.EMPTY_FILE, "the file has nothing but blank lines")


def _readable(table: Table, journal: FileJournal) -> Iterator[tuple[int, list[str]]]:
    """The records of a table, up to where too many cannot be used."""
    try:
        yield from table.records(journal)
    except ListRefused as refusal:
        if refusal.reason is not Refusal.TOO_MANY_ROWS:
            raise


def _scratch_journal(text: Text) -> FileJournal:
    """A journal for the beginning of a file, which counts only what cannot be used."""
    return FileJournal(text.file.name, Budget(rows=_MOST_SKIPPED, rejected=1))
