"""Bytes to records: encodings, control characters, quotes, and on which line a record stands."""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from api_service.lists.model import (
    CostLimit,
    ListRefused,
    ListTooCostly,
    Problem,
    Refusal,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import TypeAlias

    from api_service.lists.model import UploadedFile
    from api_service.lists.report import FileJournal

    Records: TypeAlias = Generator[tuple[int, list[str]], None, None]
    """Records with the lines they start on; closing it closes the file."""

MAX_FIELD: Final = 1 << 20
"""Characters that one field may have."""

MAX_COLUMNS: Final = 1_000
"""Columns of a table, or distinct names of members of JSON items."""
MAX_BLANK_ROWS: Final = 100_000
"""Blank rows that a file may have, beside ten for each that is not blank, or as many again."""
_BLANKS_PER_ROW: Final = 10
_MAX_RECORD: Final = 2 * MAX_FIELD
"""Characters of one record, on however many lines."""

_CHUNK: Final = 1 << 18
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f]")  # not tab, CR, LF, NEL
_CONTROL_OR_HALF = re.compile(rf"{_CONTROL.pattern}|[\ud800-\udfff]")
_CONTROL_BYTES: Final = bytes({*range(0x20), 0x7F} - set(b"\t\r\n"))
_C1_LEAD: Final = b"\xc2"  # the first byte of U+0080 to U+00BF in UTF-8
WINDOWS: Final = "cp1252"
_FEWEST_PLAIN: Final = 2
_ASCII: Final = bytes(range(0x80))
_MARKS: Final = frozenset("\u00a0‘’‚“”„…–—«»‹›•·°º²³½¼¾¿¡®™©£€§&+±×´`ˆ˜¨¸")  # noqa: RUF001  # them
_UTF8_PAIR = re.compile(rb"[\xc2-\xf4][\x80-\xbf]")
_UTF8_LEAD = re.compile(rb"[\xc2-\xf4]")
_UTF16_MARKS: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


_KNOWN_BINARIES = {
    b"\xff\xd8\xff": "a JPEG picture",
    b"\x89PNG": "a PNG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel file (.xls), or a workbook with a password (open it in a "
    "spreadsheet and save it as .xlsx without a password, or as “CSV UTF-8”)",
    b"\x1f\x8b": "a gzip archive (unpack it first)",
}


@dataclass(frozen=True, slots=True)
class Text:
    """A file that was looked through once, and is text.

    Attributes:
        file: the file.
        encoding: what to open it with.
        has_controls: whether there is any control character, so that cells must be searched.
        digest: equal for equal bytes.
        endless: the first line of over 1 MiB, which only JSON may have; 0 where there is none.
    """

    file: UploadedFile
    encoding: str
    has_controls: bool
    digest: bytes
    endless: int

    def refuse_endless_line(self) -> None:
        """Before a line is held.

        Raises:
            ListRefused: there is a line over 1 MiB.
        """
        if self.endless:
            raise _too_long(self.file, self.endless)


class BlankRows:
    """Counts what a file has that yields nothing, so that reading megabytes of it ends early.

    Attributes:
        rows: those that yielded something.
    """

    __slots__ = ("_blank", "_file", "rows")

    def __init__(self, file: UploadedFile) -> None:
        self._file = file
        self._blank = 0
        self.rows = 0

    def count(self, line: int) -> None:
        """Count one that yields nothing.

        Raises:
            ListTooCostly: there are too many.
        """
        self._blank += 1
        if self._blank > MAX_BLANK_ROWS + min(_BLANKS_PER_ROW * self.rows, MAX_BLANK_ROWS):
            raise ListTooCostly(
                self._file.name,
                CostLimit.BLANK_ROWS,
                f"{self._blank:,} rows are blank beside {self.rows:,} that are not; take the blank "
                "ones out",
                line,
            )


def inspect_text(file: UploadedFile) -> Text:
    """Look through a whole file once, in pieces, before any of it is read as a list.

    Raises:
        ListRefused: it is empty, in an encoding that cannot be told, or not text at all.
    """
    with file.path.open("rb") as stream:
        opening = stream.read(8)
        _refuse_known_binary(file, opening)
        encoding = _encoding(opening)
        try:
            return _look_through(file, stream, encoding)
        except ListRefused as refusal:
            if refusal.reason is not Refusal.BAD_ENCODING or not _is_windows_text(stream, opening):
                raise
            return _look_through(file, stream, WINDOWS)


def _look_through(file: UploadedFile, stream: BinaryIO, encoding: str) -> Text:
    digest = hashlib.blake2b(digest_size=16)
    has_controls = False
    line, offset, unbroken, endless = 1, 0, 0, 0
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        text = _decode(decoder, chunk, file, offset, line)
        raw = chunk if encoding == "utf-8-sig" else text.encode()
        has_controls = has_controls or _has_controls(raw, text)
        if "\0" in text:
            raise ListRefused(
                file.name,
                Refusal.NOT_TEXT,
                "this is not a text file (it holds NUL characters); upload the CSV itself, "
                "saved as UTF-8",
                line + _newlines(text[: text.index("\0")]),
            )
        breaks = _newlines(text)
        unbroken = 0 if breaks else unbroken + len(text)
        if unbroken > MAX_FIELD:
            endless = endless or line
        line, offset = line + breaks, offset + len(chunk)
    if not offset:
        raise ListRefused(file.name, Refusal.EMPTY_FILE, "the file is empty")
    _decode(decoder, b"", file, offset, line)
    return Text(file, encoding, has_controls, digest.digest(), endless)


def _refuse_known_binary(file: UploadedFile, opening: bytes) -> None:
    """Name what people send by mistake, instead of speaking of its bytes."""
    for mark, kind in _KNOWN_BINARIES.items():
        if opening.startswith(mark):
            raise ListRefused(
                file.name,
                Refusal.NOT_TEXT,
                f"it is {kind}, not a list: send the CSV file itself",
            )


def _encoding(opening: bytes) -> str:
    if opening[:2] in _UTF16_MARKS:
        return "utf-16"
    # Without a mark, every second byte of ASCII in UTF-16 is NUL, which no other text has.
    if opening[1::2] == b"\0\0\0\0" and b"\0" not in opening[::2]:
        return "utf-16-le"
    if opening[::2] == b"\0\0\0\0" and b"\0" not in opening[1::2]:
        return "utf-16-be"
    return "utf-8-sig"


def _is_windows_text(stream: BinaryIO, opening: bytes) -> bool:
    """Whether bytes that are no UTF-8 are Windows-1252, as old spreadsheets save a CSV.

    Almost any bytes are, so it must look like it: nothing in it may be UTF-8 of more than one byte
    (then it is UTF-8 with a fault in it), it may not be UTF-8 cut off within its last character,
    and what it has beyond ASCII must be letters and typographic marks, one in two at most.
    """
    if opening.startswith((codecs.BOM_UTF8, *_UTF16_MARKS)):
        return False
    stream.seek(0)
    before, size, letters = b"", 0, 0
    while chunk := stream.read(_CHUNK):
        if _UTF8_PAIR.search(before + chunk):
            return False
        try:
            beyond = chunk.translate(None, _ASCII).decode(WINDOWS)
        except UnicodeDecodeError:  # five bytes mean nothing
            return False
        if any(not (char.isalpha() or char in _MARKS) for char in set(beyond)):
            return False
        before, size, letters = chunk[-1:], size + len(chunk), letters + len(beyond)
    is_cut_off = letters == 1 and _UTF8_LEAD.fullmatch(before)
    return letters * _FEWEST_PLAIN <= size and not is_cut_off


def _newlines(text: str) -> int:
    return max(text.count("\n"), text.count("\r"))


def _has_controls(raw: bytes, text: str) -> bool:
    if len(raw.translate(None, _CONTROL_BYTES)) != len(raw):
        return True
    return _C1_LEAD in raw and _CONTROL.search(text) is not None


def _decode(
    decoder: codecs.IncrementalDecoder, chunk: bytes, file: UploadedFile, offset: int, line: int
) -> str:
    pending = len(decoder.getstate()[0])
    try:
        return decoder.decode(chunk, final=not chunk)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(error.encoding, "replace")
        name = "UTF-16" if error.encoding.startswith("utf-16") else "UTF-8"
        raise ListRefused(
            file.name,
            Refusal.BAD_ENCODING,
            f"byte {offset - pending + error.start + 1} is not valid {name}; save the file as "
            "UTF-8 (in a spreadsheet: “CSV UTF-8”) and upload it again",
            line + _newlines(before),
        ) from None


def find_control(text: str) -> re.Match[str] | None:
    """A control character, or half of a surrogate pair, which JSON can name and no file hold."""
    return _CONTROL_OR_HALF.search(text)


def _too_long(file: UploadedFile, line: int) -> ListRefused:
    return ListRefused(
        file.name,
        Refusal.FIELD_TOO_LONG,
        "a field is longer than 1 MiB; a quotation mark may be missing, or this is no CSV",
        line,
    )


@contextlib.contextmanager
def field_limit() -> Iterator[None]:
    """Let the csv module read fields up to `MAX_FIELD`, which is a setting of the whole process."""
    before = csv.field_size_limit(MAX_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _EndlessRecordError(Exception):
    """A record goes on over more lines than any row has."""


def read_records(text: Text, delimiter: str, journal: FileJournal) -> Records:
    """Each record that is not blank, with the physical line it starts on, counted from 1.

    A record with a stray quotation mark or a control character goes to the journal instead.

    Raises:
        ListRefused: a quotation mark that never closes, or a field or line over 1 MiB.
        ListTooCostly: it is mostly blank.
    """
    text.refuse_endless_line()
    taken = 0

    def bounded(lines: Iterable[str]) -> Iterator[str]:
        # A record of quoted line breaks never ends, and each of its cells takes memory.
        nonlocal taken
        for one in lines:
            taken += len(one)
            if taken > _MAX_RECORD:
                raise _EndlessRecordError
            yield one

    blank = BlankRows(text.file)
    with text.file.path.open(encoding=text.encoding, newline="") as lines:
        reader = csv.reader(bounded(lines), delimiter=delimiter, strict=True, skipinitialspace=True)
        search = _CONTROL.search if text.has_controls else None
        while True:
            line = reader.line_num + 1
            taken = 0
            try:
                row = next(reader)
            except StopIteration:
                return
            except _EndlessRecordError:
                raise ListRefused(
                    text.file.name,
                    Refusal.FIELD_TOO_LONG,
                    "a row is longer than 2 MiB; a quotation mark may be missing, or this is no "
                    "CSV",
                    line,
                ) from None
            except csv.Error as error:
                _judge(error, text.file, line, reader.line_num)
                journal.count_row(line)
                journal.reject(
                    line,
                    Problem.STRAY_QUOTE,
                    "There is text after a closing quotation mark; write a quotation mark inside "
                    'a quoted field twice ("")',
                )
                continue
            if search and any(map(search, row)):
                journal.count_row(line)
                journal.reject(line, Problem.CONTROL_CHARACTER, "A cell has a control character")
            elif any(row):
                blank.rows += 1
                yield line, row
            else:
                blank.count(line)


def _judge(error: csv.Error, file: UploadedFile, line: int, last_line: int) -> None:
    """Raise unless the trouble is within one line; else nobody knows how many rows it took."""
    if str(error).startswith("field larger"):
        raise _too_long(file, line)
    if last_line > line or str(error).startswith("unexpected end"):
        raise ListRefused(
            file.name,
            Refusal.UNTERMINATED_QUOTE,
            "a quotation mark opens a field here and is not closed properly; close it, or write "
            'a quotation mark inside a quoted field twice ("")',
            line,
        )
