"""A format as a declaration: how a file is recognised, and what its columns and words mean.

A column's name is written as the service writes it; a member of a member of JSON is a path,
`userRating.rating`. Case, spaces and signs do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from api_service.lists.model import Column, Kind, Layout
from api_service.lists.values.headers import fold_header, is_watchlist
from api_service.lists.values.states import State, with_words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from api_service.lists.values.states import When


class Sample(Enum):
    """What a format was made from."""

    REAL = "a real export in a public repository"
    CODE = "the code that writes or reads it, in a public repository"
    REPORTED = "a report of a user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of one service.

    Attributes:
        name: in reports.
        sample: what it was made from.
        marks: sets of column names, parted by commas; a file that has all of one set is it.
        columns: names of each column; one that stands after others is read where those are blank.
        kind: what standing in such a file says of a film.
        states: words that mean a state in this format alone, or None for nothing.
        rules: tried in order before a flag or a list's name; the first that holds counts.
        unstated: what a row states of which nothing else tells.
        rating_out_of: the best rating there is; None where only the whole file can tell.
        zero_is_blank: whether a rating of 0 means that there is none.
        defaults: cells that stand for blank ones.
        service: whose ids `Column.OWN_ID` are.
        imdb_numbers: whether IMDb ids stand without their `tt`.
        list_names: gives the list that a file is, from its name.
        split_title: takes the year off a title.
    """

    name: str
    sample: Sample
    marks: tuple[str, ...]
    columns: Mapping[Column, tuple[str, ...]]
    kind: Kind = Kind.GENERIC
    states: Mapping[str, State | None] = field(default_factory=dict)
    rules: tuple[When, ...] = ()
    unstated: State | None = None
    rating_out_of: int | None = 10
    zero_is_blank: bool = False
    defaults: Mapping[Column, str] = field(default_factory=dict)
    service: str = ""
    imdb_numbers: bool = False
    list_names: Callable[[str], str | None] | None = None
    split_title: Callable[[str], tuple[str, str]] | None = None

    def recognise(self, opening: Sequence[list[str]], name: str) -> Layout | None:
        """How a file of this format is read; None for any other file."""
        header = fold_header(opening[0])
        known = set(header)
        if not any(known.issuperset(fold_header(marks.split(","))) for marks in self.marks):
            return None
        found = {
            column: [header.index(spelling) for spelling in fold_header(names) if spelling in known]
            for column, names in self.columns.items()
        }
        kind = Kind.WATCHLIST if is_watchlist(name) and self.kind is Kind.GENERIC else self.kind
        return Layout(
            format=self.name,
            kind=kind,
            columns={column: places[0] for column, places in found.items() if places},
            further={column: places[1:] for column, places in found.items() if len(places) > 1},
            may_be_empty=True,
            words=with_words(self.states),
            rules=[
                (header.index(folded), rule.test, rule.state)
                for rule in self.rules
                for folded in fold_header([rule.column])
                if folded in known
            ],
            unstated=self.unstated,
            rating_out_of=self.rating_out_of,
            zero_is_blank=self.zero_is_blank,
            defaults=self.defaults,
            source=self.service or self.name,
            imdb_numbers=self.imdb_numbers,
            list_name=self.list_names(name) if self.list_names and kind is Kind.LIST else None,
            split_title=self.split_title if Column.YEAR not in found else None,
        )
