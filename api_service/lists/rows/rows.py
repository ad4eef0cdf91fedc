"""Records to sightings: what each row of a recognised file says of one film.

A list may have 100,000 rows, so what is done for each of them is counted in tenths of a
microsecond: one pass over the cells, blank ones not looked into, and what repeats is cached. Only a
row with a bad cell takes the long way, which finds the cell, notes it and blanks it.
"""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from api_service.lists.files.spreadsheets import plain_cell
from api_service.lists.model import Column, NotAFilm, Problem, Sighting, Unread
from api_service.lists.rows.marks import MarksReader
from api_service.lists.rows.survey import COMMON
from api_service.lists.values import cells
from api_service.lists.values.dates import date_reader, is_numbered
from api_service.lists.values.ratings import rating_reader
from api_service.lists.values.states import State
from api_service.lists.values.title_types import not_a_film
from shared.lookup_keys import title_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from api_service.lists.model import Layout
    from api_service.lists.report import FileJournal, Profile
    from api_service.lists.values.dates import DateOrder

MAX_TITLE: Final = 500
"""Characters of a title, and of its lookup key: folding can make a title several times as long, and
PostgreSQL cannot index a key of more than about 2,700 bytes."""

_SCALE: Final = 10
_REMOVED: Final = NotAFilm(Problem.REMOVED, "no longer in the list")
_READ: Final = (
    *(Column.TITLE, Column.YEAR, Column.ADDRESS, Column.TMDB_ID, Column.IMDB_ID, Column.RATING),
    *(Column.RATING10, Column.WRITTEN, Column.WATCH_DATE, Column.REWATCH, Column.PLAYS),
    *(Column.TAGS, Column.REVIEW, Column.TYPE, Column.OWN_ID),
)
"""The columns that are read of every row; `marks.py` reads the others."""


def _picking(columns: Mapping[Column, int]) -> Callable[[list[str]], tuple[str, ...]]:
    # A column that the file does not have is read from the blank cell after each row's last.
    return itemgetter(*(columns.get(column, -1) for column in _READ))


def _order(orders: Mapping[int, DateOrder | None], column: int | None) -> DateOrder | None:
    return orders[COMMON] if column is None or column not in orders else orders[column]


class RowReader:
    """Reads the rows of one file; what cannot be used goes to its journal."""

    def __init__(
        self,
        layout: Layout,
        journal: FileJournal,
        find_orders: Callable[[], Mapping[int, DateOrder | None]] | None = None,
    ) -> None:
        self._layout = layout
        self._journal = journal
        self._pick = _picking(layout.columns)
        self._marks: MarksReader | None = None
        self._further_days: list[str] = []
        self._split = layout.split_title
        self._not_a_film = layout.not_a_film
        self._source = layout.source
        self._doubt = layout.doubt
        self._profile: Profile | None = None
        self._read_imdb = cells.read_imdb_number if layout.imdb_numbers else cells.read_imdb_id
        self._read_rating = rating_reader(layout.rating_out_of or _SCALE)
        self._read_rating10 = rating_reader(_SCALE)
        self._read_date = self._read_written = date_reader(layout.date_order)
        self._find_orders = find_orders

    def read(self, records: Iterable[tuple[int, list[str]]]) -> Iterator[Sighting]:
        """A sighting for each row that can be used.

        Raises:
            ListRefused: the upload has too many rows.
        """
        records = islice(records, self._layout.header, None)
        _, header = next(records)
        width = len(header)
        if MarksReader.is_needed(self._layout):
            self._marks = MarksReader(self._layout, self._journal, width)
            self._pick = _picking(self._marks.columns)
        marks = self._marks
        if self._layout.safe_cells:
            records = (
                (line, [plain_cell(cell) if cell else cell for cell in row])
                for line, row in records
            )
        waiting = dict(self._layout.waiting)
        count_row, read_row = self._journal.count_row, self._sighting
        if self._layout.profile is not None or self._layout.no_viewing:
            records, read_row = self._viewings(records), self._of_profile
        for line, row in records:
            count_row(line)
            if len(row) != width and not self._fit(row, width, line):
                continue
            if waiting and any([row[at] for at in waiting]):  # noqa: C419  # a list is faster
                self._name_unread(row, waiting)
            if marks:
                self._further_days = marks.prepare(row)
            row.append("")
            try:
                sighting = read_row(line, row)
            except ValueError:
                self._learn_orders(row)
                self._blank_bad_cells(line, row)
                sighting = read_row(line, row)
            if sighting:
                yield sighting

    def _name_unread(self, row: Sequence[str], waiting: dict[int, str]) -> None:
        """Name the columns that are not read, once they have something."""
        for at in [at for at in waiting if row[at].strip()]:
            self._journal.name_unread(Unread(waiting.pop(at), row[at]))

    def _viewings(
        self, records: Iterable[tuple[int, list[str]]]
    ) -> Iterator[tuple[int, list[str]]]:
        """Pass on the rows that are a viewing by somebody who is asked for; journal the others.

        Raises:
            ListRefused: the upload has too many rows.
        """
        layout, journal = self._layout, self._journal
        title_at = layout.columns[Column.TITLE]
        for line, row in records:
            why = layout.no_viewing(row) if layout.no_viewing else None
            if layout.profile is not None:
                name = row[layout.profile] if layout.profile < len(row) else ""
                self._profile = journal.profile(name, layout.profiles)
                self._profile.rows += 1
                if not self._profile.is_read:
                    said = f"is a row of the profile {cells.shown(name)}, which was not asked for"
                    why = NotAFilm(Problem.OTHER_PROFILE, "", said)
            if why is None:
                yield line, row
            else:
                journal.count_row(line)
                title = cells.read_title(row[title_at]) if title_at < len(row) else ""
                journal.put_aside(line, title, why)

    def _of_profile(self, line: int, row: list[str]) -> Sighting | None:
        """What a row says, counted for whose it is."""
        sighting = self._sighting(line, row)
        if sighting and self._profile:
            self._profile.films.add(sighting.key)
        return sighting

    def _fit(self, row: list[str], width: int, line: int) -> bool:
        if any(map(str.strip, row[width:])):
            self._journal.reject(
                line,
                Problem.TOO_MANY_CELLS,
                f"The row has {len(row)} cells and the header {width}; if a cell holds the "
                "delimiter, put it in quotation marks",
            )
            return False
        row[width:] = [""] * (width - len(row))
        return True

    def _sighting(self, line: int, row: list[str]) -> Sighting | None:
        """What a row says, or None with its reason in the journal.

        Raises:
            ValueError: a cell cannot be read.
        """
        (
            name,
            year,
            address,
            tmdb,
            imdb,
            rating,
            rating10,
            written,
            watched,
            rewatch,
            plays,
            tags,
            review,
            kind,
            own,
        ) = self._pick(row)
        title = cells.read_title(name)
        aside = not_a_film(kind) if kind else None
        if aside is None and len(title) > cells.MOST_NORMALISED:
            self._reject(line, title)
            return None
        if aside is None and self._not_a_film:
            aside = self._not_a_film(title)
        if aside:
            self._journal.put_aside(line, title, aside)
            return None
        if self._doubt and (doubt := self._doubt(title)):
            self._journal.note(line, Problem.MAYBE_EPISODES, doubt)
        if self._split:
            title, split_off = self._split(title)
            year = year or split_off
        known_year = cells.read_year(year) if year else None
        tmdb_id = cells.read_tmdb_id(tmdb) if tmdb else None
        imdb_id = self._read_imdb(imdb) if imdb else None
        key = title_key(title, known_year) if title else ""
        if (not title and not tmdb_id and not imdb_id) or max(len(title), len(key)) > MAX_TITLE:
            self._reject(line, title)
            return None
        given = self._read_rating(rating) if rating else None
        if rating10 and given is None:
            given = self._read_rating10(rating10)
        sighting = Sighting(
            line,
            title,
            known_year,
            key,
            cells.read_address(address) if address else "",
            tmdb_id,
            imdb_id,
            given,
            self._read_written(written) if written else None,
            self._read_date(watched) if watched else None,
            cells.read_flag(rewatch) if rewatch else False,
            cells.read_count(plays) if plays else 0,
            tags,
            review,
            f"{self._source}:{own}" if own else "",
        )
        return self._marked(self._marks, row, sighting) if self._marks else sighting

    def _marked(self, marks: MarksReader, row: list[str], sighting: Sighting) -> Sighting | None:
        """A sighting with what its row says beside its film.

        Raises:
            ValueError: a further day cannot be read.
        """
        more = tuple(day for cell in self._further_days if (day := self._read_date(cell)))
        found = marks.read(sighting.line, row, sighting.watch_date, sighting.rating)
        if found.state is State.REMOVED:
            self._journal.put_aside(sighting.line, sighting.title, _REMOVED)
            return None
        return sighting._replace(
            state=found.state,
            planned=found.planned,
            liked=found.liked,
            lists=found.lists,
            more_days=more,
        )

    def _learn_orders(self, row: Sequence[str]) -> None:
        """Ask the whole file for the order of its dates, once one of them cannot be read alone."""
        if self._find_orders is None:
            return
        columns = self._layout.columns
        named = (Column.WRITTEN, Column.WATCH_DATE, Column.SEEN)
        dates = [columns.get(column) for column in named]
        dates += self._layout.further.get(Column.WATCH_DATE, ())
        if any(at is not None and is_numbered(row[at]) for at in dates):
            orders = self._find_orders()
            self._find_orders = None
            self._read_date = date_reader(_order(orders, columns.get(Column.WATCH_DATE)))
            self._read_written = date_reader(_order(orders, columns.get(Column.WRITTEN)))

    def _reject(self, line: int, title: str) -> None:
        if title:
            reason = f"The title is longer than {MAX_TITLE} characters"
            self._journal.reject(line, Problem.TITLE_TOO_LONG, reason)
        else:
            self._journal.reject(line, Problem.MISSING_TITLE, "The row has no title")

    def _blank_bad_cells(self, line: int, row: list[str]) -> None:
        """Note each cell that cannot be read, and blank it, so that the rest of the row can be."""
        readers: tuple[tuple[Column, Problem, Callable[[str], object]], ...] = (
            (Column.TMDB_ID, Problem.BAD_ID, cells.read_tmdb_id),
            (Column.IMDB_ID, Problem.BAD_ID, self._read_imdb),
            (Column.YEAR, Problem.BAD_YEAR, cells.read_year),
            (Column.RATING, Problem.BAD_RATING, self._read_rating),
            (Column.RATING10, Problem.BAD_RATING, self._read_rating10),
            (Column.ADDRESS, Problem.BAD_ADDRESS, cells.read_address),
            (Column.WRITTEN, Problem.BAD_DATE, self._read_written),
            (Column.WATCH_DATE, Problem.BAD_DATE, self._read_date),
        )
        columns = self._marks.columns if self._marks else self._layout.columns
        for column, problem, read in readers:
            index = columns.get(column)
            if index is None:
                continue
            try:
                read(row[index])
            except ValueError as error:
                self._journal.note(line, problem, str(error))
                row[index] = ""
        for day in list(self._further_days):
            try:
                self._read_date(day)
            except ValueError as error:
                self._journal.note(line, Problem.BAD_DATE, str(error))
                self._further_days.remove(day)
