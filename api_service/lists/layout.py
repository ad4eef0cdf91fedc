"""Layout of a recognised file: how its rows are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from api_service.lists.columns import Column
    from api_service.lists.problems import NotAFilm
    from api_service.lists.values.dates import DateOrder
    from api_service.lists.values.states import State, Test


class Kind(IntEnum):
    """What standing in a file says of a film. The values are the canonical order of files."""

    WATCHED = 0
    DIARY = 1
    RATINGS = 2
    REVIEWS = 3
    LIKES = 4
    WATCHLIST = 5
    LIST = 6
    GENERIC = 7
    OWN = 8
    """Our own export, which says of each film itself what it is."""

    @property
    def means_watched(self) -> bool:
        """Whether a film in such a file has been seen."""
        return self <= Kind.REVIEWS or self is Kind.GENERIC


@dataclass(frozen=True, slots=True)
class Layout:
    """How a recognised file is read.

    Attributes:
        format: the format's name in reports.
        kind: what standing in this file says of a film.
        columns: where each column stands, counted from 0.
        header: which of the file's records, blank ones not counted, is the header.
        film_addresses: whether addresses are the films' own, or those of diary entries.
        list_name: the name of the list that the file is, if it is one.
        may_be_empty: whether a header without rows is a proper file of this format.
        split_title: takes a title apart into the title and its year, "" without one, where titles
            are written so: `The Thing (1982)`.
        not_a_film: what a title says that is no film's, for formats that have no column for it.
        doubt: what is to be noted of a title that `not_a_film` takes for a film's.
        study: makes what compares all titles of the file; then `not_a_film` and `doubt` are its.
        no_viewing: what a row says by which nothing was watched, though it is of a film.
        profile: the column that names whose the row is, where several people share a file.
        profiles: the folded names of those whose rows are read; empty for all.
        imdb_numbers: whether IMDb ids stand without their `tt`.
        joined_by: the column by which other files of the upload say more of each row.
        rating_out_of: the best rating there is; None where only the whole file can tell.
        date_order: whether days or months come first in dates that do not start with the year.
        dates_vary: whether only the whole file can tell that.
        safe_cells: whether a cell that would look like a formula has an apostrophe in front.
        further: columns of which one is read where those before it are blank.
        words: what words state in this format, before those that all formats know; folded.
        rules: columns, and what a row states where they are so; the first that holds counts.
        unstated: what a row states that says nothing else of it.
        source: whose catalogue `Column.OWN_ID` is of.
        zero_is_blank: whether a rating of 0 says that there is none.
        defaults: cells that stand for blank ones.
        rating_means_seen: whether whoever rates a film here has seen it; on a watchlist it may be
            what they expect.
        blanks_may_tell: whether the whole file tells what a blank means.
        names_unread: whether columns that are not read are named in the report.
        blanks_tell: what a blank day, or a blank where others say that they were seen, states.
        unread: columns that look meaningful, and are not read.
        waiting: such columns that are blank in the first rows, by their places.
    """

    format: str
    kind: Kind
    columns: Mapping[Column, int]
    header: int = 0
    film_addresses: bool = False
    list_name: str | None = None
    may_be_empty: bool = False
    split_title: Callable[[str], tuple[str, str]] | None = None
    not_a_film: Callable[[str], NotAFilm | None] | None = None
    doubt: Callable[[str], str | None] | None = None
    study: Callable[[], TitleStudy] | None = None
    no_viewing: Callable[[Sequence[str]], NotAFilm | None] | None = None
    profile: int | None = None
    profiles: frozenset[str] = frozenset()
    imdb_numbers: bool = False
    joined_by: int | None = None
    rating_out_of: int | None = 5
    date_order: DateOrder | None = None
    dates_vary: bool = False
    safe_cells: bool = False
    further: Mapping[Column, Sequence[int]] = field(default_factory=dict)
    words: Mapping[str, State | None] = field(default_factory=dict)
    rules: Sequence[tuple[int, Test | frozenset[str], State | None]] = ()
    unstated: State | None = None
    source: str = ""
    zero_is_blank: bool = False
    defaults: Mapping[Column, str] = field(default_factory=dict)
    rating_means_seen: bool = True
    blanks_may_tell: bool = False
    blanks_tell: State | None = None
    names_unread: bool = True
    unread: Sequence[Unread] = ()
    waiting: Mapping[int, str] = field(default_factory=dict)


class Unread(NamedTuple):
    """A column that looks meaningful, and is not read, with a cell of it."""

    column: str
    example: str


class TitleStudy(Protocol):
    """Gathers the titles of a file, so that each is judged by all of them."""

    def add(self, title: str, day: str) -> None:
        """Add a row: its title and its date, as written."""
        ...

    def judge(self, read_day: Callable[[str], date | None]) -> TitleVerdicts:
        """Compare the titles; `read_day` raises ValueError for what is no date."""
        ...


class TitleVerdicts(Protocol):
    """What the titles of one file are."""

    @property
    def has_doubts(self) -> bool:
        """Whether there is anything to note."""
        ...

    def not_a_film(self, title: str) -> NotAFilm | None:
        """Return why a title is no film's, None where it is one's."""
        ...

    def doubt(self, title: str) -> str | None:
        """Return what is to be noted of a title that is read as a film's."""
        ...


@dataclass(frozen=True, slots=True)
class SetAside:
    """A file of an export that holds no films of the user's: named in the report, never read.

    Attributes:
        reason: why it is set aside.
        describes_lists: whether it tells the names of lists that other files are.
    """

    reason: str
    describes_lists: bool = False
