"""XML and HTML files as text: what they are, and in which encoding."""

from __future__ import annotations

import codecs
import re
from enum import Enum
from typing import TYPE_CHECKING, Final

from api_service.lists.model import ListRefused, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_service.lists.model import UploadedFile

_OPENING: Final = 2_048
"""Bytes that tell what a file is."""
_CHUNK: Final = 1 << 16
_MARKS: Final = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DECLARED = re.compile(r"(?:encoding|charset)\s*=\s*[\"']?\s*([A-Za-z0-9_-]{1,40})", re.ASCII)
_BEGINS = re.compile(r"\ufeff?\s*<[!?A-Za-z]")
_HTML = re.compile(
    r"\ufeff?\s*(?:<\?xml[^>]*>\s*)?(?:<!--[^>]*-->\s*)?"
    r"<(?:!doctype\s+html|html|head|body|meta|table|tr)\b",
    re.IGNORECASE,
)
_OLD_ENCODINGS: Final = {
    **{f"windows-{number}": f"cp{number}" for number in range(1250, 1259)},
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (1, 2, 5, 7, 9, 15)},
    **{name: name for name in ("koi8-r", "koi8-u", "gbk", "big5", "shift_jis", "euc-kr")},
    "gb2312": "gbk",
}
"""What a declaration may name, as Python calls it: no other codec is ever looked up."""


class Markup(Enum):
    """What a file of markup is."""

    XML = "xml"
    HTML = "html"


def find_markup(file: UploadedFile) -> Markup | None:
    """What a file is by its first bytes; None where it is no markup."""
    with file.path.open("rb") as stream:
        opening = _as_text(stream.read(_OPENING))
    if not _BEGINS.match(opening):
        return None
    return Markup.HTML if _HTML.match(opening) else Markup.XML


def read_markup(file: UploadedFile) -> Iterator[str]:
    """The file's text in pieces.

    UTF-8 goes before what the file declares, for some declare what they are not.

    Raises:
        ListRefused: it is in neither encoding.
    """
    encoding = _encoding(file)
    try:
        with file.path.open(encoding=encoding, newline="") as text:
            while piece := text.read(_CHUNK):
                yield piece
    except UnicodeError:
        raise ListRefused(
            file.name,
            Refusal.BAD_ENCODING,
            f"it is not valid {encoding}; export it again, or save it as UTF-8",
        ) from None


def _encoding(file: UploadedFile) -> str:
    with file.path.open("rb") as stream:
        opening = stream.read(_OPENING)
    for mark, name in _MARKS.items():
        if opening.startswith(mark):
            return name
    declared = _DECLARED.search(_as_text(opening))
    old = _OLD_ENCODINGS.get(declared[1].casefold()) if declared else None
    return old if old and not _is_utf8(file) else "utf-8-sig"


def _as_text(opening: bytes) -> str:
    for mark, name in _MARKS.items():
        if opening.startswith(mark):
            return opening.decode(name, "replace")
    return opening.decode("utf-8-sig", "replace")


def _is_utf8(file: UploadedFile) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.path.open("rb") as stream:
        try:
            while chunk := stream.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
