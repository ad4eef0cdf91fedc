"""Tables of web pages, as sites save them under the name of a spreadsheet.

A scanner of its own and not `html.parser`, some versions of which take the square of the time for
tags that do not end. It knows rows, cells and entities; all other tags are passed over.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final

from api_service.lists.files.markup_text import read_markup
from api_service.lists.files.row_files import RowWriter, too_long
from api_service.lists.files.text import MAX_COLUMNS, MAX_FIELD
from api_service.lists.formats import kinopoisk
from api_service.lists.model import CostLimit, ListRefused, ListTooCostly, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from api_service.lists.model import UploadedFile

MAX_TAG: Final = 1 << 16
"""Characters of one tag."""

_NAME = re.compile(r"/?[a-z][a-z0-9]*", re.IGNORECASE)
_SPAN = re.compile(r"colspan\s*=\s*[\"']?([0-9]{1,4})", re.IGNORECASE)
_ENDS: Final = {
    "script": re.compile("</script", re.IGNORECASE),
    "style": re.compile("</style", re.IGNORECASE),
}
_COMMENT: Final = "!--"
_END_OF_COMMENT: Final = re.compile("-->")
_LONGEST_END: Final = len("</script")


def write_tables(file: UploadedFile, target: Path) -> None:
    """Write the rows of a page's tables as a file of rows.

    Raises:
        ListRefused: it has no rows, or cannot be decoded.
        ListTooCostly: a tag is too large.
    """
    with target.open("w", encoding="utf-8", newline="") as output:
        # A row has fewer characters than the markup that it comes from.
        rows = RowWriter(output, file.name, lambda _: None)
        reader = _TableReader(file, rows)
        reader.read(read_markup(file))
    if not rows.count:
        raise ListRefused(
            file.name,
            Refusal.NO_TITLE_COLUMN,
            "this is a web page without a table of films; export the list, and do not save the "
            "page that shows it",
            reader.first_line,
        )


class _TableReader:
    def __init__(self, file: UploadedFile, rows: RowWriter) -> None:
        self._file = file
        self._rows = rows
        self._reshape: Callable[[dict[int, str]], dict[int, str]] | None = None
        self._line = 1
        self._line_of_row = 1
        self.first_line: int | None = None
        self._row: dict[int, str] = {}
        self._column = 0
        self._span = 1
        self._cell: list[str] | None = None
        self._size = 0
        self._skip_to: re.Pattern[str] | None = None

    def read(self, pieces: Iterable[str]) -> None:
        rest = ""
        for piece in pieces:
            rest = self._scan(rest + piece)
        self._end_row()

    def _scan(self, text: str) -> str:
        """Read as far as tags are whole; what is left over."""
        at = 0
        while True:
            if self._skip_to:
                end = self._skip_to.search(text, at)
                if end is None:
                    kept = max(at, len(text) + 1 - _LONGEST_END)
                    self._count(text[at:kept])
                    return text[kept:]
                self._count(text[at : end.start()])
                at, self._skip_to = end.start(), None
            begin = text.find("<", at)
            if begin < 0:
                self._text(text[at:])
                return ""
            self._text(text[at:begin])
            close = text.find(">", begin)
            if close < 0:
                if len(text) - begin > MAX_TAG:
                    raise ListTooCostly(
                        self._file.name,
                        CostLimit.ITEM_SIZE,
                        f"a tag has more than {MAX_TAG:,} characters; upload a CSV",
                        self._line,
                    )
                return text[begin:]
            self._tag(text[begin + 1 : close])
            at = close + 1

    def _count(self, text: str) -> None:
        self._line += text.count("\n")

    def _text(self, text: str) -> None:
        self._count(text)
        if self._cell is not None:
            self._size += len(text)
            if self._size > MAX_FIELD:
                raise too_long(self._file.name, self._line)
            self._cell.append(text)

    def _tag(self, tag: str) -> None:
        self.first_line = self.first_line or self._line
        self._count(tag)
        if tag.startswith(_COMMENT):
            if not tag.endswith("--"):
                self._skip_to = _END_OF_COMMENT
            return
        found = _NAME.match(tag)
        name = found[0].casefold() if found else ""
        if name in {"td", "th"}:
            self._end_cell()
            self._cell, self._size = [], 0
            span = _SPAN.search(tag)
            self._span = max(int(span[1]), 1) if span else 1
        elif name in {"/td", "/th"}:
            self._end_cell()
        elif name in {"tr", "/tr", "/table"}:
            self._end_row()
        elif name == "br":
            self._text(" ")
        elif name in _ENDS:
            self._skip_to = _ENDS[name]

    def _end_cell(self) -> None:
        if self._cell is None:
            return
        text = " ".join(html.unescape("".join(self._cell)).split())
        if text:
            self._row[min(self._column, MAX_COLUMNS)] = text
        self._column += self._span
        self._cell = None

    def _end_row(self) -> None:
        self._end_cell()
        if self._row:
            if self._reshape is None:
                self._reshape = kinopoisk.reshaping(self._row)
            self._rows.write(
                self._line_of_row, self._reshape(self._row) if self._reshape else self._row
            )
        self._row, self._column, self._line_of_row = {}, 0, self._line
