"""Records to sightings: what each row of a recognised file says of one film."""

from __future__ import annotations

from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final, TypeVar

from api_service.rules.lists import cells
from api_service.rules.lists.model import Column, Problem, Sighting
from shared.lookup_keys import title_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from api_service.rules.lists.model import Layout
    from api_service.rules.lists.report import FileJournal

T = TypeVar("T")

MAX_TITLE: Final = 500
"""Characters of a title, and of its lookup key: folding can make a title several times as long, and
PostgreSQL cannot index a key of more than about 2,700 bytes."""


class RowReader:
    """Reads the rows of one file; what cannot be used goes to its journal."""

    def __init__(self, layout: Layout, journal: FileJournal) -> None:
        self._layout = layout
        self._journal = journal
        # A column that the file does not have is read from the blank cell after each row's last.
        self._pick = itemgetter(*(layout.columns.get(column, -1) for column in Column))

    def read(self, records: Iterable[tuple[int, list[str]]]) -> Iterator[Sighting]:
        """A sighting for each row that can be used.

        Raises:
            ListRefused: the upload has too many rows.
        """
        records = islice(records, self._layout.header, None)
        _, header = next(records)
        width = len(header)
        for line, row in records:
            self._journal.count_row(line)
            if len(row) != width and not self._fit(row, width, line):
                continue
            row.append("")
            sighting = self._sighting(line, row)
            if sighting:
                yield sighting

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
            tags,
            review,
        ) = self._pick(row)
        title = cells.read_title(name)
        if self._layout.year_in_title:
            title, year = cells.split_title(title)
        cell = self._cell
        tmdb_id = cell(line, Problem.BAD_ID, cells.read_tmdb_id, tmdb) if tmdb else None
        imdb_id = cell(line, Problem.BAD_ID, cells.read_imdb_id, imdb) if imdb else None
        if not (title or tmdb_id or imdb_id):
            self._journal.reject(line, Problem.MISSING_TITLE, "The row has no title")
            return None
        known_year = cell(line, Problem.BAD_YEAR, cells.read_year, year) if year else None
        key = title_key(title, known_year) if title else ""
        if max(len(title), len(key)) > MAX_TITLE:
            self._journal.reject(
                line, Problem.TITLE_TOO_LONG, f"The title is longer than {MAX_TITLE} characters"
            )
            return None
        stars = cell(line, Problem.BAD_RATING, cells.read_rating, rating) if rating else None
        if rating10 and stars is None:
            stars = cell(line, Problem.BAD_RATING, cells.read_rating10, rating10)
        return Sighting(
            line=line,
            title=title,
            year=known_year,
            key=key,
            address=(address and cell(line, Problem.BAD_ADDRESS, cells.read_address, address))
            or "",
            tmdb_id=tmdb_id,
            imdb_id=imdb_id,
            rating=stars,
            written=cell(line, Problem.BAD_DATE, cells.read_date, written) if written else None,
            watch_date=cell(line, Problem.BAD_DATE, cells.read_date, watched) if watched else None,
            rewatch=bool(rewatch) and cells.read_flag(rewatch),
            tags=tags,
            review=review,
        )

    def _cell(
        self, line: int, problem: Problem, read: Callable[[str], T | None], text: str
    ) -> T | None:
        try:
            return read(text)
        except ValueError as error:
            self._journal.note(line, problem, str(error))
            return None
