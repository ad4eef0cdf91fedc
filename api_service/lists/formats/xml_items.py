"""XML to lines of JSON: each element that stands for a title becomes one object of texts.

From there on it is read as any JSON is. A title has as many lines before it as its element has in
the file, so that reports name the file's lines.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, TextIO

from api_service.lists.files.markup_text import read_markup
from api_service.lists.files.xml_records import Element, Part
from api_service.lists.files.xml_stream import BrokenXmlError, LargeXmlError, XmlReader
from api_service.lists.formats import criticker_xml, kodi, letterboxd_feed, plex
from api_service.lists.model import (
    Column,
    CostLimit,
    Kind,
    Layout,
    ListRefused,
    ListTooCostly,
    Refusal,
)
from api_service.lists.values.headers import fold_header, is_watchlist

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from api_service.lists.files.xml_records import XmlFormat
    from api_service.lists.files.xml_stream import Attributes
    from api_service.lists.model import UploadedFile

FORMATS: Final[tuple[XmlFormat, ...]] = (
    plex.FORMAT,
    letterboxd_feed.FORMAT,
    criticker_xml.FORMAT,
    kodi.FORMAT,
)
"""Told apart by their outermost elements."""

MAX_ELEMENT: Final = 1 << 20
"""Characters of what is kept of one title's element."""
MAX_PARTS: Final = 10_000
"""Elements right within one."""

_RECORD_OF: Final = "record of"
"""The name of the cell of the first record that says of which format all are."""
_PLANNED: Final = "planned "
_SHOWN: Final = 40
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_FOLDED: Final = dict(zip(fold_header(list(Column)), Column, strict=True))


def recognise(opening: Sequence[list[str]], name: str) -> Layout | None:
    """Recognise the records that `write_items` made."""
    header = fold_header(opening[0])
    marker = fold_header([_RECORD_OF])[0]
    if marker not in header or len(opening) == 1:
        return None
    format_name = opening[1][header.index(marker)]
    found = next((known for known in FORMATS if format_name.endswith(known.name)), None)
    if found is None:
        return None
    is_planned = format_name.startswith(_PLANNED) or is_watchlist(name)
    return Layout(
        format=f"{found.name}_watchlist" if is_planned else found.name,
        kind=Kind.WATCHLIST if is_planned else found.kind,
        rating_means_seen=not (is_planned and found.rates_what_is_planned),
        columns={_FOLDED[cell]: at for at, cell in enumerate(header) if cell in _FOLDED},
        may_be_empty=True,
        rating_out_of=found.rating_out_of,
        split_title=found.split_title,
    )


def write_items(file: UploadedFile, target: Path) -> None:
    """Write the titles of an XML file as lines of JSON.

    Raises:
        ListRefused: it is broken, of no kind that is read, or has no titles.
        ListTooCostly: something in it is larger than in any list.
    """
    with target.open("w", encoding="utf-8", newline="\n") as output:
        reader = _ItemReader(file, output)
        try:
            reader.read(piece.encode() for piece in read_markup(file))
        except BrokenXmlError as error:
            raise ListRefused(
                file.name,
                Refusal.BROKEN_XML,
                f"the XML cannot be read ({error.message}); export it again, or upload a CSV",
                error.line,
            ) from None
        except LargeXmlError as error:
            limit = CostLimit.NAMES if error.is_names else CostLimit.ITEM_SIZE
            message = f"{error.message}, which no list of films has; upload a CSV"
            raise ListTooCostly(file.name, limit, message, error.line) from None
    if not reader.count:
        raise ListRefused(
            file.name,
            Refusal.NO_USABLE_ROWS,
            f"there are no titles in this file ({reader.format_title}); see that you export the "
            "list itself",
        )


class _ItemReader(XmlReader):
    """Writes an object for each title as its element ends; the rest is passed over."""

    def __init__(self, file: UploadedFile, output: TextIO) -> None:
        super().__init__()
        self._file = file
        self._output = output
        self._lines = 0
        self._format: XmlFormat | None = None
        self._record_of = ""
        self._path: tuple[str, ...] = ()
        self._depth_of_item = 0  # 0 while none is open
        self._line_of_item = 0
        self._attributes: Attributes = {}
        self._parts: list[Part] = []
        self._attributes_of_part: Attributes = {}
        self._pieces: list[str] | None = None
        self._size = 0
        self.count = 0

    @property
    def format_title(self) -> str:
        """What people call what the file is."""
        return self._format.title if self._format else "XML"

    def start(self, name: str, attributes: Attributes) -> None:
        outside, self._path = self._path, (*self._path, name)
        known = self._format or self._recognise(name, attributes)
        if not self._depth_of_item:
            if name in known.items and outside in known.within:
                self._depth_of_item, self._line_of_item = len(self._path), self.line
                self._attributes, self._size = attributes, 0
                self._keep(attributes)
        elif len(outside) == self._depth_of_item:
            if len(self._parts) == MAX_PARTS:
                raise LargeXmlError(f"a title has more than {MAX_PARTS:,} elements", self.line)
            self._attributes_of_part, self._pieces = attributes, []
            self._keep(attributes)

    def text(self, data: str) -> None:
        if self._pieces is not None and len(self._path) == self._depth_of_item + 1:
            self._spend(len(data))
            self._pieces.append(data)

    def end(self, name: str) -> None:
        depth, self._path = len(self._path), self._path[:-1]
        if not self._depth_of_item:
            return
        if depth == self._depth_of_item + 1 and self._pieces is not None:
            self._parts.append(Part(name, self._attributes_of_part, "".join(self._pieces)))
            self._pieces = None
        elif depth == self._depth_of_item:
            self._write(Element(name, self._attributes, self._parts))
            self._depth_of_item, self._parts = 0, []

    def _recognise(self, root: str, attributes: Attributes) -> XmlFormat:
        found = next((known for known in FORMATS if root.casefold() in known.root), None)
        if found is None:
            known_ones = ", ".join(known.title for known in FORMATS)
            raise ListRefused(
                self._file.name,
                Refusal.NO_TITLE_COLUMN,
                f"no titles were found: it begins with <{root[:_SHOWN]}>, and of XML are read "
                f"{known_ones}; upload a CSV or JSON",
                self.line,
            )
        self._format = found
        self._record_of = f"{_PLANNED if found.is_planned(attributes) else ''}{found.name}"
        return found

    def _keep(self, attributes: Attributes) -> None:
        self._spend(sum(map(len, attributes.values())))

    def _spend(self, size: int) -> None:
        self._size += size
        if self._size > MAX_ELEMENT:
            raise LargeXmlError(f"a title has more than {MAX_ELEMENT:,} characters", self.line)

    def _write(self, element: Element) -> None:
        if self._format is None:
            return
        said = self._format.read(element)
        record = {str(name): text for name, text in said.items() if text}
        if not self.count:
            record = {_RECORD_OF: self._record_of, **record}
        # One line end less than there are lines before it; an object more on a line has a space.
        missing = self._line_of_item - 1 - self._lines
        self._lines += missing
        self._output.write("\n" * missing + " " + _encode(record))
        self.count += 1
