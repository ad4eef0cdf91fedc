"""Plain text, one title a line: `Heat (1995)`, with or without a bullet or a number before it.

Everything is text of some kind, so this is asked last, and takes only what looks like titles: a
file with a comma before a number on every line, say, is a table that lacks its header.
"""

from __future__ import annotations

import re
import statistics
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from api_service.lists.files.text import BlankRows, find_control
from api_service.lists.model import Column, Kind, Layout, Problem
from api_service.lists.values.cells import split_title
from api_service.lists.values.headers import is_watchlist
from api_service.lists.values.states import State, read_state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from api_service.lists.files.text import Records, Text
    from api_service.lists.report import FileJournal

_OPENING: Final = 50
_LONGEST: Final = 200
"""Characters of a line that could be a title."""

_USUAL: Final = 60
"""Characters that half of the lines have at most: titles are shorter than prose."""

_BOX: Final = re.compile(r"(?:[-*+] )?\[[ xX]?\]")
_BULLET = re.compile("[-*\u2022\u2013] +(?=\\S)")
_NUMBER = re.compile(r"[0-9]{1,5}[.)] +(?=\S)")
_NO_TITLE = re.compile(r'[<>{}|\\]|://|;$|^"|,"|",')
_CELL_END = re.compile(r"[;\t]|,(?! )|, *(?=[0-9]+$)")


@dataclass(frozen=True, slots=True)
class LinesTable:
    """A file of titles; `mark` is what stands before each of them, if anything does."""

    text: Text
    mark: re.Pattern[str] | None

    def records(self, journal: FileJournal) -> Records:
        """See `Table`."""
        yield 1, ["Title"]
        blank = BlankRows(self.text.file)
        for number, line in _lines(self.text):
            if find_control(line):
                journal.count_row(number)
                journal.reject(number, Problem.CONTROL_CHARACTER, "A line has a control character")
            elif not line:
                blank.count(number)
            else:
                blank.rows += 1
                yield number, [self.mark.sub("", line, count=1) if self.mark else line]


def open_plain(text: Text) -> tuple[LinesTable, Layout] | None:
    """A file as titles, or None where its lines do not look like any.

    Raises:
        ListRefused: it has a line over 1 MiB.
    """
    opening = [line for _, line in islice(_lines(text), _OPENING) if line]
    layout = titles_layout(opening, text.file.name)
    return (LinesTable(text, _mark(opening)), layout) if layout else None


def titles_layout(opening: Sequence[str], name: str) -> Layout | None:
    """How a list of nothing but titles is read, or None where it does not look like one.

    Args:
        opening: its first lines or cells, none of them blank.
        name: of the file.
    """
    if not opening or not _are_titles(opening):
        return None
    return Layout(
        format="titles",
        kind=Kind.WATCHLIST if is_watchlist(name) else Kind.GENERIC,
        columns={Column.TITLE: 0},
        split_title=split_title,
    )


def _lines(text: Text) -> Iterator[tuple[int, str]]:
    text.refuse_endless_line()
    with text.file.path.open(encoding=text.encoding) as lines:
        for number, line in enumerate(lines, 1):
            yield number, line.strip()


def _are_titles(lines: Sequence[str]) -> bool:
    lengths = [len(line) for line in lines]
    return (
        statistics.median(lengths) <= _USUAL
        and max(lengths) <= _LONGEST
        and all(any(map(str.isalnum, line)) and not _NO_TITLE.search(line) for line in lines)
        and not all(map(_CELL_END.search, lines))
        and not any(map(_tells_states, lines))
    )


def _tells_states(line: str) -> bool:
    """Whether a line says of others, or of itself by a box, what was seen and what is planned."""
    heading = line.endswith(":") and isinstance(read_state(line[:-1]), State)
    return heading or bool(_BOX.match(line))


def _mark(lines: Sequence[str]) -> re.Pattern[str] | None:
    for mark in (_BULLET, _NUMBER):
        if all(map(mark.match, lines)):
            return mark
    return None
