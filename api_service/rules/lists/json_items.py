"""JSON to records: a list, or lines, of objects or of titles, each made a row of cells.

The names of an object's members become the header, so that what recognises a CSV recognises JSON
too. What stands in a member such as `movie` or `ids` is taken as if it stood beside it: that is how
Trakt and many others write a film. Members of any other kind of depth say nothing here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from api_service.rules.lists.headers import fold_header
from api_service.rules.lists.model import ListRefused, Problem, Refusal
from api_service.rules.lists.text import find_control

if TYPE_CHECKING:
    from collections.abc import Iterator

    from api_service.rules.lists.report import FileJournal
    from api_service.rules.lists.text import Records, Text

_TITLE: Final = "title"
_TYPE: Final = "type"
_FILMS: Final = frozenset({"movie", "film"})
_SEEN_THROUGH: Final = _FILMS | {"item", "ids", "externalids"}
# An object may hold its lists by name; these names say that there are no films in a list.
_OTHER_THINGS: Final = ("episode", "season", "show", "person")
_OTHER_LISTS: Final = {
    **{f"{name}s": name for name in _OTHER_THINGS},
    "tvshows": "show",
    "series": "show",
    "tv": "show",
    "people": "person",
}
_SPACE = re.compile(r"\s*")
_LOOKS_LIKE_JSON = re.compile(r"\s*(?:\{\s*[\"}]|\[\s*[\]{\"\[])")


class _Number(str):
    """A number as its digits, whatever its size; what it may be is for the cells' readers."""

    __slots__ = ()


_DECODER: Final = json.JSONDecoder(
    parse_int=_Number, parse_float=_Number, parse_constant=lambda _: ""
)
_DEEPEST: Final = 4


@dataclass(frozen=True, slots=True)
class JsonTable:
    """A file of JSON; `header` has the names of all its items."""

    text: Text
    header: tuple[str, ...]

    def records(self, journal: FileJournal) -> Records:
        """See `Table`. A file of one line has its items counted in place of its lines."""
        yield 1, list(self.header)
        for line, item in _items(self.text):
            row = _row(item)
            if row is None:
                journal.count_row(line)
                journal.reject(line, Problem.MISSING_TITLE, "It is neither an object nor a title")
            elif any(map(find_control, row.values())):
                journal.count_row(line)
                journal.reject(line, Problem.CONTROL_CHARACTER, "A text has a control character")
            elif any(row.values()):
                yield line, [row.get(name, "") for name in self.header]


def open_json(text: Text) -> JsonTable | None:
    """A file as JSON, or None where it is something else.

    Raises:
        ListRefused: it begins as JSON, and is broken.
    """
    with text.file.path.open(encoding=text.encoding) as file:
        if not _LOOKS_LIKE_JSON.match(file.read(1_000)):
            return None
    names: dict[str, None] = {}
    for _, item in _items(text):
        names.update(dict.fromkeys(_row(item) or ()))
    return JsonTable(text, tuple(names))


def _items(text: Text) -> Iterator[tuple[int, Any]]:
    """Each item with the line it starts on, of which only one is held at a time."""
    source = text.file.path.read_text(text.encoding)
    has_lines = "\n" in source.strip()
    line, counted = 1, 0
    try:
        for number, (start, item) in enumerate(_values(source), 1):
            line, counted = line + source.count("\n", counted, start), start
            for inner in _unpacked(item):
                yield (line if has_lines else number), inner
    except json.JSONDecodeError as error:
        raise _broken(text, f"the JSON is broken ({error.msg})", error.lineno) from None
    except RecursionError:
        raise _broken(text, "the JSON is nested too deeply", line) from None


def _broken(text: Text, message: str, line: int) -> ListRefused:
    return ListRefused(
        text.file.name, Refusal.BROKEN_JSON, f"{message}; export it again, or upload a CSV", line
    )


def _values(source: str) -> Iterator[tuple[int, Any]]:
    """The values that follow each other, and those of a list each by itself, with their places."""
    at = _skip(source, 0)
    while at < len(source):
        if source[at] != "[":
            value, end = _DECODER.raw_decode(source, at)
            yield at, value
            at = _skip(source, end)
            continue
        at = _skip(source, at + 1)
        while source[at : at + 1] != "]":
            value, end = _DECODER.raw_decode(source, at)
            yield at, value
            at = _skip(source, end)
            if source[at : at + 1] == ",":
                at = _skip(source, at + 1)
            elif source[at : at + 1] != "]":
                raise json.JSONDecodeError("Expecting ',' delimiter", source, at)
        at = _skip(source, at + 1)


def _skip(source: str, at: int) -> int:
    found = _SPACE.match(source, at)
    return found.end() if found else at


def _unpacked(item: Any) -> Iterator[Any]:  # noqa: ANN401  # whatever JSON may be
    """The item; or the items in the lists that it holds by name, such as `movies` and `shows`."""
    if not isinstance(item, dict):
        yield item
        return
    lists = {name: value for name, value in item.items() if _is_list_of_things(value)}
    if not lists or _TITLE in (_row(item) or ()):
        yield item
        return
    for name, members in lists.items():
        other = _OTHER_LISTS.get(_fold(name))
        for member in members:
            yield {_TYPE: other, **member} if other and isinstance(member, dict) else member


def _is_list_of_things(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, list) and any(isinstance(member, dict) for member in value)


def _row(item: Any) -> dict[str, str] | None:  # noqa: ANN401
    if isinstance(item, str) and not isinstance(item, _Number):
        return {_TITLE: item}
    if not isinstance(item, dict):
        return None
    row: dict[str, str] = {}
    _flatten(item, row, 0)
    return row


def _flatten(item: dict[str, Any], row: dict[str, str], depth: int) -> None:
    inner: dict[str, dict[str, Any]] = {}
    for name, value in item.items():
        if isinstance(value, dict):
            inner[_fold(name)] = value
        else:
            # The outer one counts: a film's own rating is everybody's, the item's is the user's.
            row.setdefault(_fold(name), _cell(value))
    for name, value in inner.items():
        is_other = name in _OTHER_THINGS and _FILMS.isdisjoint(inner)
        if is_other:
            row.setdefault(_TYPE, name)
        if (is_other or name in _SEEN_THROUGH) and depth < _DEEPEST:
            _flatten(value, row, depth + 1)


@lru_cache(maxsize=1_024)
def _fold(name: str) -> str:
    return fold_header([name])[0]


def _cell(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, str):
        return str(value)  # a number too is text from here on
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(member for member in value if isinstance(member, str))
    return ""
