"""What an XML format is: which elements stand for titles, and what they say.

A format is a module with a `FORMAT`: where its titles stand, and a function that turns the element
of one into cells by `Column`. What a column means is the same as in every other format.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from api_service.lists.model import Column, Kind
from api_service.lists.values.headers import fold_header

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping, Sequence

    from api_service.lists.files.xml_stream import Attributes

Cells: TypeAlias = "dict[str, str]"
"""What an element says: texts by `Column`, and those of no known use by the file's own names."""

_FOLDED: Final = frozenset(fold_header(list(Column)))
_SECONDS: Final = range(1, 4_102_444_800)
"""Epoch seconds up to the year 2100."""


class Part(NamedTuple):
    """An element right within a title's, with its own text."""

    name: str
    attributes: Attributes
    text: str


class Element(NamedTuple):
    """A title's element.

    Attributes:
        name: of the element.
        attributes: of the element.
        parts: the elements right within it.
    """

    name: str
    attributes: Attributes
    parts: Sequence[Part]

    def texts(self) -> dict[str, str]:
        """The text of each part by its name; of several with one name the first that has any."""
        found: dict[str, str] = {}
        for part in self.parts:
            if not found.get(part.name):
                found[part.name] = part.text.strip()
        return found


@dataclass(frozen=True, slots=True)
class XmlFormat:
    """An XML format.

    Attributes:
        name: in reports.
        title: what people call it.
        root: the outermost elements, in lower case.
        items: the names of titles' elements.
        within: what may stand around them, the outermost element included, from outside; nothing
            where the outermost element may be a title's itself.
        read: what a title's element says.
        is_planned: whether the outermost element's attributes say that it is a watchlist.
        rates_what_is_planned: whether a rating on its watchlist says nothing of having seen a film.
        kind: what standing in such a file says of a film.
        rating_out_of: the best rating there is.
        split_title: takes a title apart into the title and its year.
    """

    name: str
    title: str
    root: frozenset[str]
    items: frozenset[str]
    within: frozenset[tuple[str, ...]]
    read: Callable[[Element], Cells]
    is_planned: Callable[[Attributes], bool] = lambda _: False
    rates_what_is_planned: bool = False
    kind: Kind = Kind.GENERIC
    rating_out_of: int = 10
    split_title: Callable[[str], tuple[str, str]] | None = None


def others(said: Mapping[str, str], known: Container[str]) -> Cells:
    """What a file says beside what is known of its format, for the report to name it."""
    return {
        f"other {name}" if fold_header([name])[0] in _FOLDED else name: text
        for name, text in said.items()
        if name not in known
    }


def day_of_seconds(text: str) -> str:
    """The day, in UTC, of a moment in seconds since 1970; "" for 0, and anything else as it is."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(_SECONDS.stop)):
        return text
    seconds = int(text)
    if seconds not in _SECONDS:
        return text if seconds else ""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
