"""XML from strangers, read piece by piece within bounds, by the standard library's expat.

Nothing in it can define, include or fetch anything: a document type declaration ends the reading,
and without one there are no entities but the five that XML itself has. What is held at any moment
is one tag and what the subclass keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.parsers import expat

if TYPE_CHECKING:
    from collections.abc import Iterable

    Attributes = dict[str, str]

MAX_TAG: Final = 1 << 20
"""Bytes of one tag with its attributes, or of one comment."""
MAX_DEPTH: Final = 100
"""Elements within each other, the outermost included."""
MAX_NAMES: Final = 1_000
"""Distinct names of elements and attributes: expat keeps each until the end."""

MAX_ELEMENTS: Final = 10_000_000
"""Elements of one document, or of all parts of a workbook: each takes about a microsecond."""

_STEP: Final = 1 << 16
_FIRST_STEP: Final = 1 << 12
"""Until the first element has begun, so that little is parsed after a declaration is refused."""
_ENCODING: Final = "utf-8"


class BrokenXmlError(Exception):
    """The text is no XML that is read.

    Attributes:
        message: what is wrong with it.
        line: counted from 1.
    """

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class LargeXmlError(Exception):
    """Something is larger than it may be.

    Attributes:
        message: what, as the end of a sentence about the file.
        line: counted from 1.
        is_names: whether there are too many distinct names.
    """

    def __init__(self, message: str, line: int, *, is_names: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.is_names = is_names


class XmlReader:
    """Reads one document; subclasses say what becomes of its elements.

    Attributes:
        elements_left: how many more there may be.
    """

    def __init__(self) -> None:
        self.elements_left = MAX_ELEMENTS
        self._parser = expat.ParserCreate(_ENCODING)
        self._parser.buffer_text = True
        self._depth = 0
        self._names: set[str] = set()
        self._fed = 0

    @property
    def line(self) -> int:
        """The line of what is being told, counted from 1."""
        return self._parser.CurrentLineNumber

    def start(self, name: str, attributes: Attributes) -> None:
        """Hear that an element begins."""

    def end(self, name: str) -> None:
        """Hear that an element ends."""

    def text(self, data: str) -> None:
        """Hear a piece of text."""

    def read(self, pieces: Iterable[bytes]) -> None:
        """Read a document in UTF-8 to its end.

        Raises:
            BrokenXmlError: it is no XML, is nested too deeply, or declares a document type.
            LargeXmlError: a tag is too large, or there are too many names or elements.
        """
        parser = self._parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.text
        parser.StartDoctypeDeclHandler = self._refuse_declaration
        parser.EntityDeclHandler = self._refuse_declaration
        parser.ExternalEntityRefHandler = self._refuse_declaration
        try:
            for piece in pieces:
                self._feed(piece)
            parser.Parse(b"", True)  # noqa: FBT003  # expat's own way to say that it ends
        except expat.ExpatError as error:
            raise BrokenXmlError(expat.ErrorString(error.code), error.lineno) from None
        finally:
            # The parser and its reader refer to each other; garbage is not always collected.
            parser.StartElementHandler = parser.EndElementHandler = None
            parser.CharacterDataHandler = parser.StartDoctypeDeclHandler = None
            parser.EntityDeclHandler = parser.ExternalEntityRefHandler = None

    def _feed(self, piece: bytes) -> None:
        at = 0
        while at < len(piece):
            step = _STEP if self._names else _FIRST_STEP
            part = piece[at : at + step]
            at += step
            self._fed += len(part)
            self._parser.Parse(part, False)  # noqa: FBT003
            # expat looks at an unfinished tag anew with each part.
            if self._fed - max(self._parser.CurrentByteIndex, 0) > MAX_TAG:
                raise LargeXmlError(f"a tag has more than {MAX_TAG:,} bytes", self.line)

    def _start(self, name: str, attributes: Attributes) -> None:
        self._depth += 1
        self.elements_left -= 1
        if self.elements_left < 0:
            raise LargeXmlError(f"it has more than {MAX_ELEMENTS:,} elements or cells", self.line)
        if self._depth > MAX_DEPTH:
            raise BrokenXmlError("it is nested too deeply", self.line)
        names = self._names
        if name not in names or not names.issuperset(attributes):
            names.add(name)
            names.update(attributes)
            if len(names) > MAX_NAMES:
                message = f"it has more than {MAX_NAMES:,} different names of elements"
                raise LargeXmlError(message, self.line, is_names=True)
        self.start(name, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self.end(name)

    def _refuse_declaration(self, *_: object) -> int:
        raise BrokenXmlError("it declares a document type (DTD), which is not read", self.line)
