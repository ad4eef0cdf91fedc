"""The cells of a workbook's sheets, and the texts that they share."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, Final

from api_service.lists.files.number_formats import NumberKind, number_text
from api_service.lists.files.row_files import RowWriter, too_long
from api_service.lists.files.text import MAX_COLUMNS, MAX_FIELD
from api_service.lists.files.xml_stream import LargeXmlError, XmlReader
from api_service.lists.model import ListRefused, Refusal

if TYPE_CHECKING:
    from api_service.lists.files.xml_stream import Attributes

MAX_STRINGS: Final = 2_000_000
"""Texts that cells share."""

_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_LAST_ROW: Final = 1_048_576
_SURROGATES: Final = range(0xD800, 0xE000)


class _TextReader(XmlReader):
    """Gathers the text of `t` elements, but not how it is pronounced."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self._pieces: list[str] = []
        self._size = 0
        self._is_text = self._is_phonetic = False

    def text(self, data: str) -> None:
        if self._is_text:
            self._size += len(data)
            if self._size > MAX_FIELD:
                raise too_long(self._name, self.line)
            self._pieces.append(data)

    def _taken(self) -> str:
        """The text since the last time."""
        text = "".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        return _ESCAPE.sub(_unescaped, text) if "_x" in text else text


class SharedTexts(_TextReader):
    """The texts that cells share, held as UTF-8 in one piece."""

    def __init__(self, name: str, max_bytes: int) -> None:
        super().__init__(name)
        self._max_bytes = max_bytes
        self._held = bytearray()
        self._ends = array("L", [0])

    def __getitem__(self, index: int) -> str:
        """The text of a number; "" where there is none."""
        if not 0 <= index < len(self._ends) - 1:
            return ""
        return self._held[self._ends[index] : self._ends[index + 1]].decode()

    def start(self, name: str, attributes: Attributes) -> None:  # noqa: ARG002  # texts have none
        """See `XmlReader`."""
        name = local_name(name)
        if name == "rPh":
            self._is_phonetic = True
        elif name == "t":
            self._is_text = not self._is_phonetic

    def end(self, name: str) -> None:
        """See `XmlReader`."""
        name = local_name(name)
        if name == "t":
            self._is_text = False
        elif name == "rPh":
            self._is_phonetic = False
        elif name == "si":
            self._held += self._taken().encode()
            self._ends.append(len(self._held))
            if len(self._ends) > MAX_STRINGS:
                raise LargeXmlError(f"its cells share more than {MAX_STRINGS:,} texts", self.line)
            if len(self._held) > self._max_bytes:
                raise too_many_bytes(self._name, self._max_bytes)


class SheetReader(_TextReader):
    """Writes the rows of a sheet as they end."""

    def __init__(
        self,
        rows: RowWriter,
        strings: SharedTexts,
        kinds: list[NumberKind],
        name: str,
        from_1904: bool,  # noqa: FBT001  # one of what a workbook has
    ) -> None:
        super().__init__(name)
        self._rows = rows
        self._strings = strings
        self._kinds = kinds
        self._from_1904 = from_1904
        self._row: dict[int, str] = {}
        self._row_size = 0
        self._line = 0
        self._column = -1
        self._type = self._style = self._formula = self._value = ""

    def start(self, name: str, attributes: Attributes) -> None:
        """See `XmlReader`."""
        name = local_name(name)
        if name == "c":
            self._column = _column(attributes.get("r", ""), self._column)
            self._type, self._style = attributes.get("t", "n"), attributes.get("s", "")
            self._formula = self._value = ""
        elif name in {"v", "f", "t"}:
            self._is_text = not self._is_phonetic
        elif name == "rPh":
            self._is_phonetic = True
        elif name == "row":
            line = whole_number(attributes.get("r"))
            self._line = line if self._line < line <= _LAST_ROW else self._line + 1
            self._row, self._row_size, self._column = {}, 0, -1

    def end(self, name: str) -> None:
        """See `XmlReader`."""
        name = local_name(name)
        if name == "v":
            self._value, self._is_text = self._taken(), False
        elif name == "f":
            self._formula, self._is_text = self._taken(), False
        elif name == "t":
            self._value, self._is_text = self._value + self._taken(), False
            self._bound(len(self._value))
        elif name == "rPh":
            self._is_phonetic = False
        elif name == "c":
            if cell := self._cell():
                self._row_size += len(cell)
                self._bound(self._row_size // 2)
                self._row[min(self._column, MAX_COLUMNS)] = cell
        elif name == "row":
            self._rows.write(self._line, self._row)

    def _bound(self, size: int) -> None:
        if size > MAX_FIELD:
            raise too_long(self._name, self._line)

    def _cell(self) -> str:
        value, kind = self._value, self._type
        if not value:
            # A formula that no spreadsheet has computed yet says nothing; it is shown as it is.
            return f"={self._formula}" if self._formula else ""
        if kind == "s":
            return self._strings[whole_number(value)]
        if kind == "n":
            style = whole_number(self._style)
            number_kind = self._kinds[style] if 0 <= style < len(self._kinds) else NumberKind.PLAIN
            return number_text(value, number_kind, from_1904=self._from_1904)
        if kind == "b":
            return "true" if value == "1" else "false"
        return "" if kind == "e" else value  # an error, such as #N/A, is no value


def too_many_bytes(name: str, most: int) -> ListRefused:
    """Return the refusal of a workbook that is too large, unpacked."""
    return ListRefused(
        name,
        Refusal.TOO_MANY_BYTES,
        f"its sheets, unpacked, are larger than {most:,} bytes together",
    )


def local_name(name: str) -> str:
    """A name without its prefix."""
    return name.rpartition(":")[2] if ":" in name else name


def whole_number(text: str | None) -> int:
    """A whole number from 0; -1 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004


def _column(reference: str, before: int) -> int:
    """The column of a cell, counted from 0, by its name; the next one where it has none."""
    found = _REFERENCE.fullmatch(reference)
    if not found:
        return before + 1
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column - 1


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return "" if code in _SURROGATES else chr(code)
