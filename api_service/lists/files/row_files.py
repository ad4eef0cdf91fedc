"""Rows taken out of a workbook or a web page, as a CSV of this process's own.

Each row begins with its number in the file that it came from, so that blank rows need not be
written and reports name the rows that a person sees.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from api_service.lists.files.text import MAX_COLUMNS, MAX_FIELD, find_control
from api_service.lists.model import ListRefused, Problem, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api_service.lists.files.text import Records, Text
    from api_service.lists.report import FileJournal

MAX_ROW: Final = 2 * MAX_FIELD
"""Characters of one row."""


@dataclass(frozen=True, slots=True)
class RowsTable:
    """A file that `RowWriter` wrote.

    Attributes:
        text: the file.
        header: stands before its rows, if they have none.
    """

    text: Text
    header: tuple[str, ...] = ()

    def records(self, journal: FileJournal) -> Records:
        """See `Table`."""
        if self.header:
            yield 1, list(self.header)
        with self.text.file.path.open(encoding="utf-8", newline="") as lines:
            for number, *row in csv.reader(lines, strict=True):
                line = int(number)
                if any(map(find_control, row)):
                    journal.count_row(line)
                    journal.reject(
                        line, Problem.CONTROL_CHARACTER, "A cell has a control character"
                    )
                else:
                    yield line, row


class RowWriter:
    """Writes the rows of one sheet or page.

    Args:
        output: where to, opened with `newline=""`.
        name: of the file that they come from.
        spend: told how many bytes are written.
    """

    def __init__(self, output: TextIO, name: str, spend: Callable[[int], None]) -> None:
        self._write = csv.writer(output, lineterminator="\n").writerow
        self._name = name
        self._spend = spend
        self._line = 0
        self.count = 0

    def write(self, line: int, cells: Mapping[int, str]) -> None:
        """Write a row, unless it is blank.

        No row is wider than a table may be: of what stands further right only the last cell is
        kept, right beside, by which the row is refused as too wide for its header.

        Args:
            line: its number; where that is no larger than the last row's, the next one is taken.
            cells: its cells by their columns, counted from 0.

        Raises:
            ListRefused: it has too many characters.
        """
        self._line = line = max(line, self._line + 1)
        filled = {min(at, MAX_COLUMNS): cell for at, cell in cells.items() if cell.strip()}
        if not filled:
            return
        if sum(map(len, filled.values())) > MAX_ROW or max(map(len, filled.values())) > MAX_FIELD:
            raise too_long(self._name, line)
        row = [""] * (max(filled) + 1)
        for at, cell in filled.items():
            row[at] = cell
        size = sum(len(cell) if cell.isascii() else len(cell.encode()) for cell in filled.values())
        self._spend(size + len(row))
        self._write([line, *row])
        self.count += 1


def too_long(name: str, line: int) -> ListRefused:
    """Return the refusal of a cell or row that is larger than any list has."""
    return ListRefused(
        name, Refusal.FIELD_TOO_LONG, "a cell is longer than 1 MiB, or its row than 2 MiB", line
    )
