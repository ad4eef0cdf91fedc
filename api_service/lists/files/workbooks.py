"""Workbooks (`.xlsx`, `.xlsm`): each sheet becomes a file of rows, as its cells come.

From ECMA-376, Part 1, clause 18. A sheet is read as a stream. What it says of its dimensions is
not looked at, and a cell takes room where there is text in it and nowhere else. Cached values
stand for formulas; formats tell dates from numbers.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from api_service.lists.files.number_formats import NumberKind, kind_of_id
from api_service.lists.files.row_files import RowWriter
from api_service.lists.files.workbook_cells import (
    SharedTexts,
    SheetReader,
    local_name,
    too_many_bytes,
    whole_number,
)
from api_service.lists.files.xml_stream import (
    MAX_ELEMENTS,
    BrokenXmlError,
    LargeXmlError,
    XmlReader,
)
from api_service.lists.model import (
    CostLimit,
    ListRefused,
    ListTooCostly,
    Refusal,
    UploadedFile,
)
from api_service.lists.values.headers import is_watchlist

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from api_service.lists.files.xml_stream import Attributes

CONTENT_TYPES: Final = "[Content_Types].xml"
MARKUP_ROOM: Final = 2
"""A workbook's XML may have so many times the bytes that the rows in it may come to."""
MAX_SHEETS: Final = 200
MAX_STYLES: Final = 65_490  # Excel's own limit

_ROOT_LINKS: Final = "_rels/.rels"
_CHUNK: Final = 1 << 16
_YES: Final = frozenset({"1", "true", "on"})
_SEEN = re.compile(r"\b(?:watched|seen)\b", re.IGNORECASE)
_UNSAFE = re.compile(r"[/\\]")
_HIDDEN: Final = "the sheet is hidden; show it in the spreadsheet and save that to have it read"


@dataclass(frozen=True, slots=True)
class Unpacking:
    """What reading a workbook's parts may use.

    Attributes:
        new_path: where to write the next file.
        spend: told how many bytes of files have come, raises when there are too many.
        max_bytes: of all files of the upload.
    """

    new_path: Callable[[], Path]
    spend: Callable[[str, int], None]
    max_bytes: int


def is_workbook(archive: zipfile.ZipFile) -> bool:
    """Whether a zip is a document of Office Open XML, of whatever kind."""
    return CONTENT_TYPES in archive.NameToInfo


def read_sheets(
    archive: zipfile.ZipFile, file: UploadedFile, unpacking: Unpacking
) -> Iterator[UploadedFile]:
    """A file of rows for each sheet that has cells; hidden ones come to be set aside.

    A sheet is called by the workbook's name where it is the only one, and else by both names.

    Raises:
        ListRefused: it is no workbook, is broken, or has no cells, or too many bytes.
        ListTooCostly: something in it is larger than in any list.
    """
    try:
        book = _Book(archive, file.name, unpacking)
        yield from book.sheets(file)
    except BrokenXmlError as error:
        raise ListRefused(
            file.name,
            Refusal.BROKEN_XML,
            f"the workbook is damaged ({error.message}); open it in a spreadsheet, save it anew, "
            "or save it as “CSV UTF-8”",
        ) from None
    except LargeXmlError as error:
        raise ListTooCostly(
            file.name,
            CostLimit.NAMES if error.is_names else CostLimit.ITEM_SIZE,
            f"{error.message}, which no list of films has; save it as “CSV UTF-8”",
        ) from None


@dataclass(frozen=True, slots=True)
class _Sheet:
    name: str
    part: str
    is_hidden: bool


class _Book:
    """The parts of one workbook."""

    def __init__(self, archive: zipfile.ZipFile, name: str, unpacking: Unpacking) -> None:
        self._archive = archive
        self._name = name
        self._unpacking = unpacking
        self._room = MARKUP_ROOM * unpacking.max_bytes
        self._elements_left = MAX_ELEMENTS

    def sheets(self, file: UploadedFile) -> Iterator[UploadedFile]:
        main = self._links(_ROOT_LINKS, "").by_kind.get("officeDocument", "xl/workbook.xml")
        if not main.endswith("workbook.xml") or main not in self._archive.NameToInfo:
            raise ListRefused(
                file.name,
                Refusal.SPREADSHEET,
                "this is an Office document, but no workbook that is read; save it as .xlsx or as "
                "“CSV UTF-8” and upload that",
            )
        folder, base = posixpath.split(main)
        links = self._links(f"{folder}/_rels/{base}.rels", folder)
        index = _Index(links)
        self._read(main, index)
        strings, kinds = self._strings(links), self._kinds(links)
        written = []
        for sheet in index.sheets[:MAX_SHEETS]:
            if sheet.part not in self._archive.NameToInfo:
                continue
            path = self._unpacking.new_path()
            with path.open("w", encoding="utf-8", newline="") as output:
                rows = RowWriter(output, self._name, self._spend)
                self._read(
                    sheet.part, SheetReader(rows, strings, kinds, self._name, index.from_1904)
                )
            if rows.count:
                written.append((sheet, path))
        if not written:
            raise ListRefused(file.name, Refusal.EMPTY_FILE, "no sheet of it has a filled cell")
        is_alone = len(written) == 1
        for sheet, path in written:
            yield UploadedFile(
                self._name if is_alone else _called(self._name, sheet.name),
                path,
                from_zip=file.from_zip or not is_alone,
                numbered=True,
                aside=_HIDDEN if sheet.is_hidden and not is_alone else None,
            )

    def _links(self, part: str, folder: str) -> _Links:
        links = _Links(folder)
        if part in self._archive.NameToInfo:
            self._read(part, links)
        return links

    def _strings(self, links: _Links) -> SharedTexts:
        strings = SharedTexts(self._name, self._unpacking.max_bytes)
        part = links.by_kind.get("sharedStrings", "")
        if part in self._archive.NameToInfo:
            self._read(part, strings)
        return strings

    def _kinds(self, links: _Links) -> list[NumberKind]:
        styles = _Styles()
        part = links.by_kind.get("styles", "")
        if part in self._archive.NameToInfo:
            self._read(part, styles)
        return styles.kinds

    def _read(self, part: str, reader: XmlReader) -> None:
        reader.elements_left = self._elements_left
        reader.read(self._pieces(part))
        self._elements_left = reader.elements_left

    def _pieces(self, part: str) -> Iterator[bytes]:
        with self._archive.open(part) as source:
            while piece := source.read(_CHUNK):
                self._room -= len(piece)
                if self._room < 0:
                    raise too_many_bytes(self._name, MARKUP_ROOM * self._unpacking.max_bytes)
                yield piece

    def _spend(self, size: int) -> None:
        self._unpacking.spend(self._name, size)


class _Links(XmlReader):
    """The parts that a part names, by id, and by the last word of their kind."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._folder = folder
        self.by_id: dict[str, str] = {}
        self.by_kind: dict[str, str] = {}

    def start(self, name: str, attributes: Attributes) -> None:
        if local_name(name) != "Relationship" or attributes.get("TargetMode") == "External":
            return
        target = attributes.get("Target", "")
        part = target[1:] if target[:1] == "/" else posixpath.join(self._folder, target)
        part = posixpath.normpath(part)
        self.by_id[attributes.get("Id", "")] = part
        self.by_kind.setdefault(attributes.get("Type", "").rpartition("/")[2], part)


class _Index(XmlReader):
    """The sheets of a workbook in their order, and its epoch."""

    def __init__(self, links: _Links) -> None:
        super().__init__()
        self._links = links
        self.sheets: list[_Sheet] = []
        self.from_1904 = False

    def start(self, name: str, attributes: Attributes) -> None:
        name = local_name(name)
        if name == "workbookPr":
            self.from_1904 = attributes.get("date1904", "").casefold() in _YES
        elif name == "sheet" and len(self.sheets) < MAX_SHEETS:
            link = next((attributes[key] for key in attributes if local_name(key) == "id"), "")
            part = self._links.by_id.get(link, "")
            is_hidden = attributes.get("state", "visible") != "visible"
            self.sheets.append(_Sheet(attributes.get("name", ""), part, is_hidden))


class _Styles(XmlReader):
    """What numbers are in each style of cells."""

    def __init__(self) -> None:
        super().__init__()
        self._codes: dict[int, str] = {}
        self._is_cells = False
        self.kinds: list[NumberKind] = []

    def start(self, name: str, attributes: Attributes) -> None:
        name = local_name(name)
        if name == "numFmt" and len(self._codes) < MAX_STYLES:
            self._codes[whole_number(attributes.get("numFmtId"))] = attributes.get("formatCode", "")
        elif name == "cellXfs":
            self._is_cells = True
        elif name == "xf" and self._is_cells and len(self.kinds) < MAX_STYLES:
            self.kinds.append(kind_of_id(whole_number(attributes.get("numFmtId")), self._codes))

    def end(self, name: str) -> None:
        if local_name(name) == "cellXfs":
            self._is_cells = False


def _called(book: str, sheet: str) -> str:
    """The name of one of several sheets.

    A workbook that is called a watchlist is one, unless its sheet says that it was watched.
    """
    sheet = _UNSAFE.sub("_", sheet)
    if is_watchlist(book) and _SEEN.search(sheet):
        return f"{book}/{sheet}"
    return f"{book}: {sheet}"
