"""JSON values out of a file of any size, one after the other, of which only a window is held.

Each value is decoded once and whole by the standard library's scanner, which is fast, as long as it
has at most `MAX_VALUE` characters. A larger object is read member by member, and a larger list that
it holds item by item, because that is how exports with several lists are written. Anything else
that is larger is refused, so that no file can make the process hold more than a few such values.
"""

from __future__ import annotations

import codecs
import io
import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUE: Final = 1 << 20
"""Characters of one value, the white space within it included."""
MAX_DEPTH: Final = 100
"""Objects and lists within each other, the outermost included."""

_MARGIN: Final = 64
"""An error so near the end of the window may only be that the window ends there."""
_AHEAD: Final = MAX_VALUE + _MARGIN
_STEP: Final = 1 << 19
"""Bytes that are read at a time."""
_skip_space = re.compile(r"\s*").match


class Number(str):
    """A number as its digits, whatever its size; what it may be is for the cells' readers."""

    __slots__ = ()


_DECODER: Final[Any] = json.JSONDecoder(
    parse_int=Number, parse_float=Number, parse_constant=lambda _: ""
)
_scan = _DECODER.scan_once  # what `raw_decode` calls, which would be one call more for each value


class BrokenJsonError(Exception):
    """The text is no JSON.

    Attributes:
        message: what is wrong with it.
        line: counted from 1.
    """

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class LargeValueError(Exception):
    """A value is larger than `MAX_VALUE` and must be held whole.

    Attributes:
        line: where it begins, counted from 1.
    """

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


class Measured(NamedTuple):
    """A value, and how many characters it has; 0 for what is read piece by piece."""

    value: Any
    size: int


class JsonStream:
    """The values of one file, which must be valid in its encoding.

    Args:
        file: open for reading bytes.
        encoding: of the file.
    """

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder(encoding)(), translate=True
        )
        self._is_whole = False
        self._text = ""
        self._at = 0
        self._line, self._counted = 1, 0

    def values(self) -> Iterator[tuple[int, Any]]:
        """The values that follow each other, and those of a list one by one, with their lines.

        An object that is too large to be held comes as a `LargeObject`, to be read to its end.

        Raises:
            BrokenJsonError: the text is no JSON, or is nested too deeply.
            LargeValueError: a value is too large, and no object.
        """
        while opener := self.skip():
            if opener != "[":
                yield self.line(), self._held_or_object()
                continue
            self._at += 1
            while self.skip() != "]":
                yield self.line(), self._held_or_object()
                after = self.skip()
                if after == ",":
                    self._at += 1
                elif after != "]":
                    raise self.broken("Expecting ',' delimiter")
            self._at += 1

    def line(self) -> int:
        """The line of what comes next."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def skip(self) -> str:
        """Skip white space; the character after it, "" at the end."""
        while True:
            # The whole pattern is optional, so that it always matches.
            self._at = at = _skip_space(self._text, self._at).end()  # type: ignore[union-attr]
            if self._is_whole or len(self._text) - at >= _AHEAD:
                return self._text[at : at + 1]
            self._read_on()
            if not self._text[:1].isspace():
                return self._text[:1]

    def take(self, expected: str, message: str) -> None:
        """Take a character that must come next, white space before it skipped.

        Raises:
            BrokenJsonError: it is another one.
        """
        if self.skip() != expected:
            raise self.broken(message)
        self._at += 1

    def take_any(self, expected: str, message: str) -> str:
        """Take one of several characters."""
        found = self.skip()
        if not found or found not in expected:
            raise self.broken(message)
        self._at += 1
        return found

    def value(self) -> Measured:
        """The value that comes next; a large object or list as one to be read to its end.

        Raises:
            BrokenJsonError: it is no JSON, or nested too deeply.
            LargeValueError: it is too large, and neither an object nor a list.
        """
        text, at = self._text, self._at
        try:
            value, end = _scan(text, at)
        except StopIteration as stop:
            self._judge("Expecting value", stop.value)
        except json.JSONDecodeError as error:
            self._judge(error.msg, error.pos)
        except RecursionError:
            raise self._too_deep() from None
        else:
            if end - at <= MAX_VALUE:
                if end - at > 2 * MAX_DEPTH and _may_be_deep(text, at, end):
                    self._refuse_depth(value)
                self._at = end
                return Measured(value, end - at)
        if text[at] == "{":
            return Measured(LargeObject(self), 0)
        if text[at] == "[":
            return Measured(LargeList(self), 0)
        raise LargeValueError(self.line())

    def held(self) -> Measured:
        """The value that comes next, whole.

        Raises:
            BrokenJsonError: it is no JSON, or nested too deeply.
            LargeValueError: it is too large.
        """
        found = self.value()
        if isinstance(found.value, LargeObject | LargeList):
            raise LargeValueError(self.line())
        return found

    def broken(self, message: str) -> BrokenJsonError:
        """What is wrong with what comes next."""
        return BrokenJsonError(message, self.line())

    def _held_or_object(self) -> Any:  # noqa: ANN401  # whatever JSON may be
        value = self.value().value
        if isinstance(value, LargeList):
            raise LargeValueError(self.line())
        return value

    def _judge(self, message: str, place: int) -> None:
        """Raise, unless the trouble is only that the window ends within a large value."""
        is_cut_off = message.startswith("Unterminated string")
        if self._is_whole or not (is_cut_off or place >= len(self._text) - _MARGIN):
            self._at = max(place, self._counted)
            raise self.broken(message)

    def _refuse_depth(self, value: Any) -> None:  # noqa: ANN401  # whatever JSON may be
        level = [value]
        for _ in range(MAX_DEPTH):
            level = [
                inner
                for outer in level
                for inner in (outer.values() if isinstance(outer, dict) else outer)
                if isinstance(inner, dict | list)
            ]
            if not level:
                return
        raise self._too_deep()

    def _too_deep(self) -> BrokenJsonError:
        return self.broken("it is nested too deeply")

    def _read_on(self) -> None:
        """Let go of what was read, and read on until any value fits, or the file ends."""
        self.line()
        pieces = [self._text[self._at :]]
        size = len(pieces[0])
        while size < _AHEAD and not self._is_whole:
            chunk = self._file.read(_STEP)
            pieces.append(self._decoder.decode(chunk, final=not chunk))
            size += len(pieces[-1])
            self._is_whole = not chunk
        self._text = "".join(pieces)
        self._at = self._counted = 0


class LargeObject:
    """An object that is larger than `MAX_VALUE`, whose members are read one by one."""

    def __init__(self, stream: JsonStream) -> None:
        self._stream = stream

    def members(self) -> Iterator[tuple[str, Measured]]:
        """Each member; a large list comes as a `LargeList`, to be read to its end.

        Raises:
            BrokenJsonError: the text is no JSON, or is nested too deeply.
            LargeValueError: a member is too large, and no list.
        """
        stream = self._stream
        stream.take("{", "Expecting value")
        if stream.skip() == "}":
            stream.take("}", "")
            return
        while True:
            if stream.skip() != '"':
                raise stream.broken("Expecting property name enclosed in double quotes")
            name = stream.held()
            stream.take(":", "Expecting ':' delimiter")
            stream.skip()
            found = stream.value()
            if isinstance(found.value, LargeObject):
                raise self.too_large()
            yield name.value, Measured(found.value, name.size + found.size)
            if stream.take_any(",}", "Expecting ',' delimiter") == "}":
                return

    def too_large(self) -> LargeValueError:
        """The refusal of an object that must be held whole after all."""
        return LargeValueError(self._stream.line())


class LargeList:
    """A list within an object, larger than `MAX_VALUE`, whose items are read one by one."""

    def __init__(self, stream: JsonStream) -> None:
        self._stream = stream

    def items(self) -> Iterator[Measured]:
        """Each item.

        Raises:
            BrokenJsonError: the text is no JSON, or is nested too deeply.
            LargeValueError: an item is too large.
        """
        stream = self._stream
        stream.take("[", "Expecting value")
        if stream.skip() == "]":
            stream.take("]", "")
            return
        while True:
            stream.skip()
            yield stream.held()
            if stream.take_any(",]", "Expecting ',' delimiter") == "]":
                return


def _may_be_deep(text: str, at: int, end: int) -> bool:
    return text.count("[", at, end) + text.count("{", at, end) > MAX_DEPTH
