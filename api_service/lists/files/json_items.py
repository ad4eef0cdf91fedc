"""JSON to records: a list, or lines, of objects or of titles, each made a row of cells.

The names of an object's members become the header, so that what recognises a CSV recognises JSON
too; `json_shapes` says what is an item, and how it becomes cells.
"""

from __future__ import annotations

import codecs
import io
import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from api_service.lists.files.json_shapes import (
    TITLE,
    is_list_of_things,
    is_plain,
    may_hold,
    place_of,
    spell,
    to_row,
    unpack_value,
)
from api_service.lists.files.json_stream import (
    MAX_VALUE,
    BrokenJsonError,
    JsonStream,
    LargeList,
    LargeObject,
    LargeValueError,
)
from api_service.lists.files.text import MAX_COLUMNS, BlankRows, find_control
from api_service.lists.model import (
    CostLimit,
    ListRefused,
    ListTooCostly,
    Problem,
    Refusal,
    display_name,
)
from api_service.lists.report import too_many_rows

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from api_service.lists.files.text import Records, Text
    from api_service.lists.report import FileJournal

_LOOKS_LIKE_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\]{\"\[])")
_STEP: Final = 1 << 18
_LONGEST_EXAMPLE: Final = 100
_MOST_BLANK: Final = 50
"""Names without a cell so far of which one is waited for."""
_FIRST_ITEMS: Final = 100_000
"""Of so many items one must name a film, or none is expected to."""


@dataclass(frozen=True, slots=True)
class JsonTable:
    """A file of JSON.

    Attributes:
        text: the file.
        header: the names of all its items.
        has_lines: whether items are named by their lines; those of a file of one line are counted.
        examples: the first cell of each name that is not blank.
        spellings: the names of members as they are written, by folded name.
    """

    text: Text
    header: tuple[str, ...]
    has_lines: bool
    examples: Mapping[str, str]
    spellings: Mapping[str, str]

    def spelling(self, name: str) -> str:
        """A name of the header as the file writes it, a path where it is of a member's member.

        Safe to show: JSON may write halves of characters, which no answer can be encoded with.
        """
        return display_name(".".join(self.spellings.get(part, part) for part in name.split(".")))

    def records(self, journal: FileJournal) -> Records:
        """See `Table`. A file of one line has its items counted in place of its lines."""
        yield 1, list(self.header)
        places = {name: place for place, name in enumerate(self.header)}
        width = len(places)
        with closing(_items(self.text, has_lines=self.has_lines)) as items:
            for line, item in items:
                row = to_row(item)
                if row is None:
                    journal.count_row(line)
                    journal.reject(
                        line, Problem.MISSING_TITLE, "It is neither an object nor a title"
                    )
                elif any(map(find_control, row.values())):
                    journal.count_row(line)
                    journal.reject(
                        line, Problem.CONTROL_CHARACTER, "A text has a control character"
                    )
                elif any(row.values()):
                    cells = [""] * width
                    for name, cell in row.items():
                        cells[places[name]] = cell
                    yield line, cells


class _Names:
    """The names of all items, each with its first cell that is not blank."""

    def __init__(self) -> None:
        self.examples: dict[str, str] = {}
        self.spellings: dict[str, str] = {}
        self._blank: set[str] = set()

    def learn(self, item: Any, row: Mapping[str, str]) -> None:  # noqa: ANN401  # whatever JSON is
        """Take in the names of one more item."""
        if not row.keys() <= self.examples.keys():
            spell(item, self.spellings)
            for name, cell in row.items():
                if name not in self.examples:
                    self.examples[name] = cell[:_LONGEST_EXAMPLE]
                    if not cell and len(self._blank) < _MOST_BLANK:
                        self._blank.add(name)
        if self._blank:
            for name in [name for name in self._blank if row.get(name)]:
                self.examples[name] = row[name][:_LONGEST_EXAMPLE]
                self._blank.remove(name)


def open_json(text: Text, film_names: AbstractSet[str], most_rows: int) -> JsonTable | None:
    """A file as JSON, or None where it is something else.

    Args:
        text: the file.
        film_names: names of which a film has at least one.
        most_rows: that it may have.

    Raises:
        ListRefused: it begins as JSON, and is broken, or has too many rows.
        ListTooCostly: an item is too large, there are too many names, or too few films.
    """
    with text.file.path.open(encoding=text.encoding) as file:
        if not _LOOKS_LIKE_JSON.match(file.read(1_000)):
            return None
    names = _Names()
    blank = BlankRows(text.file)
    has_lines = _has_lines(text)
    with closing(_items(text, has_lines=has_lines)) as items:
        for number, (line, item) in enumerate(items, 1):
            row = to_row(item)
            if not row or not any(row.values()):
                blank.count(line)
            else:
                blank.rows += 1
                if blank.rows > most_rows:
                    raise too_many_rows(text.file.name, line)
            if row:
                names.learn(item, row)
                if len(names.examples) > MAX_COLUMNS:
                    raise ListTooCostly(
                        text.file.name,
                        CostLimit.NAMES,
                        f"its items have more than {MAX_COLUMNS:,} different names between them; "
                        "upload a list whose items all have the same few",
                        line,
                    )
            if number == _FIRST_ITEMS and film_names.isdisjoint(names.examples):
                raise ListTooCostly(
                    text.file.name,
                    CostLimit.BLANK_ROWS,
                    f"none of its first {_FIRST_ITEMS:,} items has a title or an id of a film",
                    line,
                )
    return JsonTable(text, tuple(names.examples), has_lines, names.examples, names.spellings)


def _has_lines(text: Text) -> bool:
    """Whether a line ends between the first and the last of what is no white space."""
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(text.encoding)(), translate=True
    )
    has_begun = line_ended = False
    with text.file.path.open("rb") as file:
        while chunk := file.read(_STEP):
            piece = decoder.decode(chunk)
            if not has_begun:
                piece = piece.lstrip()
                has_begun = bool(piece)
            rest = piece.rstrip()
            if rest and (line_ended or "\n" in rest):
                return True
            line_ended = line_ended or (has_begun and "\n" in piece[len(rest) :])
    return False


def _items(text: Text, *, has_lines: bool) -> Generator[tuple[int, Any], None, None]:
    """Each item with the line it starts on, of which only one is held at a time."""
    with text.file.path.open("rb") as file:
        try:
            for number, (line, value) in enumerate(JsonStream(file, text.encoding).values(), 1):
                place = line if has_lines else number
                if is_plain(value):
                    yield place, value
                else:
                    for item in _unpacked(value):
                        yield place, item
        except BrokenJsonError as error:
            raise ListRefused(
                text.file.name,
                Refusal.BROKEN_JSON,
                f"the JSON is broken ({error.message}); export it again, or upload a CSV",
                error.line,
            ) from None
        except LargeValueError as error:
            raise ListTooCostly(
                text.file.name,
                CostLimit.ITEM_SIZE,
                f"an item has more than {MAX_VALUE:,} characters or {MAX_COLUMNS:,} members, which "
                "no film has; upload a list of films, or a CSV",
                error.line,
            ) from None


def _unpacked(value: Any) -> Iterator[Any]:  # noqa: ANN401  # whatever JSON may be
    """The item; or the items in the lists that it holds by name, such as `movies` and `shows`."""
    if isinstance(value, LargeObject):
        yield from _unpacked_large(value)
    else:
        yield from unpack_value(value)


def _unpacked_large(value: LargeObject) -> Iterator[Any]:
    """The items of an object that is only taken for what holds lists; as an item it is too large.

    Raises:
        LargeValueError: it is an item itself.
    """
    rest: dict[str, Any] = {}
    size, has_lists = 0, False
    for name, member in value.members():
        place = place_of(name)
        if isinstance(member.value, LargeList):
            has_lists = True
            for item in _items_of_things(member.value, value):
                yield from unpack_value(item, place, 1)
        elif is_list_of_things(member.value) or may_hold(member.value):
            has_lists = True
            yield from unpack_value({name: member.value})
        else:
            rest[name] = member.value
            size += member.size
            if size > MAX_VALUE or len(rest) > MAX_COLUMNS:
                raise value.too_large()
    if not has_lists or TITLE in (to_row(rest) or ()):
        raise value.too_large()


def _items_of_things(members: LargeList, holder: LargeObject) -> Iterator[Any]:
    """The items of a large list, once one of them is an object.

    Raises:
        LargeValueError: none is.
    """
    before: list[Any] | None = []
    for item in members.items():
        if before is None:
            yield item.value
            continue
        before.append(item.value)
        if isinstance(item.value, dict):
            yield from before
            before = None
        elif len(before) > MAX_COLUMNS:
            raise holder.too_large()
    if before is not None:
        raise holder.too_large()
