"""What a row says beside its film: its state, lists, ids in pairs, several days.

Only formats that have such columns are read through here, so that all others stay as fast as they
were. The row's cells are first put where the reader of rows looks; then its state is settled.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from api_service.lists.model import MAX_NAME, Column, Problem
from api_service.lists.values import cells
from api_service.lists.values.dates import looks_like_date
from api_service.lists.values.states import (
    NOTHING,
    State,
    Unknown,
    fold_word,
    holds,
    is_open,
    read_flag,
    read_planned,
    read_seen,
    read_state,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from api_service.lists.model import Layout
    from api_service.lists.report import FileJournal

_TMDB: Final = frozenset({"tmdb", "themoviedb", "moviedb"})
_IMDB: Final = frozenset({"imdb", "internetmoviedatabase"})
_NO_IDS: Final = NOTHING | {"-1", "0"}
_NO_DAY: Final = ("0001-01-01", "0000-00-00")
"""How some databases write that there is none."""
_ADDED: Final = (
    *(Column.TMDB_ID, Column.IMDB_ID, Column.PLAYS, Column.TITLE, Column.YEAR, Column.RATING),
    *(Column.WATCH_DATE, Column.WRITTEN, Column.TYPE),
)
"""Columns that may be filled though the file does not have them; they stand after its last."""
_MARKED: Final = frozenset(
    {
        *(Column.STATE, Column.SEEN, Column.PLANNED, Column.LIKED, Column.LISTS, Column.ID),
        Column.REWATCHES,
    }
)
_NOTED: Final = frozenset({State.STARTED, State.DROPPED})
_DIGITS: Final = frozenset("123456789")
_MOST_LISTS: Final = 100
_SEVERAL: Final = frozenset(",;|")


class Marks(NamedTuple):
    """What a row says beside its film."""

    state: State | None = None
    planned: bool = False
    liked: bool = False
    lists: tuple[str, ...] = ()


class _Said(NamedTuple):
    state: State | None
    word: str
    """The word itself, for a note."""
    is_unknown: bool = False


_NOTHING: Final = _Said(None, "")


class MarksReader:
    """Reads what the rows of one file say beside their films."""

    def __init__(self, layout: Layout, journal: FileJournal, width: int) -> None:
        self._layout = layout
        self._journal = journal
        at = layout.columns.get
        self._state, self._planned, self._liked = (
            at(column) for column in (Column.STATE, Column.PLANNED, Column.LIKED)
        )
        self._lists, self._seen, self._type = (
            at(column) for column in (Column.LISTS, Column.SEEN, Column.TYPE)
        )
        self._id, self._id_source = at(Column.ID), at(Column.SOURCE)
        self._rewatches = at(Column.REWATCHES)
        self._has_day = False
        self.columns = dict(layout.columns)
        for column in _ADDED:
            if column not in self.columns:
                self.columns[column] = width
                width += 1
        self.width = width

    @staticmethod
    def is_needed(layout: Layout) -> bool:
        """Whether a format has anything that is read here."""
        return bool(
            not _MARKED.isdisjoint(layout.columns)
            or (layout.further or layout.rules or layout.unstated)
            or (layout.blanks_tell or layout.zero_is_blank or layout.defaults)
        )

    def prepare(self, row: list[str]) -> list[str]:
        """Put cells where the reader of rows looks; the days after the first of several."""
        row.extend([""] * (self.width - len(row)))
        columns, layout = self.columns, self._layout
        for column, places in layout.further.items():
            at = columns[column]
            if not row[at].strip():
                row[at] = next((row[place] for place in places if row[place].strip()), row[at])
        for column, cell in layout.defaults.items():
            row[columns[column]] = row[columns[column]] or cell
        seen = self._seen
        if seen is not None and Column.WATCH_DATE not in layout.columns:
            days = [day for day in row[seen].split("\n") if looks_like_date(day)]
            row[columns[Column.WATCH_DATE]] = "\n".join(days)
        self._blank_what_says_nothing(row)
        self._place_id(row)
        if self._rewatches is not None and (more := cells.read_count(row[self._rewatches])):
            at = columns[Column.PLAYS]
            row[at] = str(max(cells.read_count(row[at]), more + 1))
        return self._take_latest(row)

    def _blank_what_says_nothing(self, row: list[str]) -> None:
        columns = self.columns
        for column in (Column.TMDB_ID, Column.IMDB_ID):
            if row[columns[column]].strip().casefold() in _NO_IDS:
                row[columns[column]] = ""
        for column in (Column.YEAR, Column.WATCH_DATE, Column.WRITTEN, Column.RATING):
            cell = row[columns[column]]
            if cell.startswith(_NO_DAY) or cell.strip().casefold() in NOTHING:
                row[columns[column]] = ""

    def _take_latest(self, row: list[str]) -> list[str]:
        """Of several ratings take the last one; of several days the first, and give the others."""
        columns = self.columns
        rated, written = columns[Column.RATING], columns[Column.WRITTEN]
        if row[rated]:
            parts = row[rated].split("\n")
            if self._layout.zero_is_blank:
                parts = [part for part in parts if part.strip(" 0.,-")]
            row[rated] = parts[-1] if parts else ""
        if "\n" in row[written]:
            row[written] = row[written].rpartition("\n")[2]
        watched = columns[Column.WATCH_DATE]
        self._has_day = not _DIGITS.isdisjoint(row[watched])
        if "\n" not in row[watched]:
            return []
        first, *further = [day for day in row[watched].split("\n") if day.strip()] or [""]
        row[watched] = first
        return further

    def _place_id(self, row: list[str]) -> None:
        if self._id is None:
            return
        value = row[self._id].strip()
        named, colon, rest = value.partition(":")
        source = "" if self._id_source is None else fold_word(row[self._id_source])
        if colon and not source:
            source, value = fold_word(named), rest.partition(":")[0]
        title = self.columns[Column.TITLE]
        if row[title].strip() == value:  # some write the id once more where a title may stand
            row[title] = ""
        column = Column.TMDB_ID if source in _TMDB else Column.IMDB_ID if source in _IMDB else None
        if column is None and not source and value[:2].casefold() == "tt":
            column = Column.IMDB_ID
        if column:
            row[self.columns[column]] = row[self.columns[column]] or value

    def read(self, line: int, row: Sequence[str], days: object, rating: object) -> Marks:
        """What a row says, once its cells are where they belong.

        Args:
            line: that it starts on.
            row: its cells.
            days: on which it was watched, if it says so.
            rating: that was given, if any.
        """
        state, planned, liked = self._stated(row), False, False
        if self._planned is not None and row[self._planned]:
            found = self._of(read_planned(row[self._planned]), row[self._planned])
            planned = found.state is State.PLANNED
            # "Not seen" and "on the watchlist" are one statement in two columns.
            open_still = state.state in {None, State.UNSEEN} and not state.is_unknown
            state = found if open_still and found.state else state
        names, of_lists, liked = self._listed(row)
        planned = planned or State.PLANNED in of_lists
        if state.state is None and not state.is_unknown and of_lists:
            state = _Said(max(of_lists, key=_WEIGHT.__getitem__), "")
        if self._liked is not None and read_flag(row[self._liked]):
            liked = True
        found_state = self._settled(line, row, state, days=days, rating=rating, listed=bool(names))
        return Marks(found_state, planned and found_state is State.SEEN, liked, names)

    def _stated(self, row: Sequence[str]) -> _Said:
        said = _NOTHING
        if self._state is not None and row[self._state]:
            word = row[self._state]
            own = self._layout.words
            folded = fold_word(word) if own else ""
            said = _Said(own[folded], word) if folded in own else self._of(read_state(word), word)
            if said.state is not None or folded in own:
                return said
        for place, test, state in self._layout.rules:
            if holds(row[place], test):
                return _Said(state, "")
        if self._seen is not None and row[self._seen]:
            found = self._of(read_seen(row[self._seen]), row[self._seen])
            if found.state is not None or not said.is_unknown:
                return found
        if self._type is not None and said is _NOTHING and row[self._type]:
            # A log of actions: `watch`, `towatch`.
            typed = read_state(row[self._type])
            if isinstance(typed, State):
                return _Said(typed, row[self._type])
        return said

    @staticmethod
    def _of(read: State | Unknown | None, cell: str) -> _Said:
        if isinstance(read, Unknown):
            return _Said(None, read.word, is_unknown=True)
        return _Said(read, cell)

    def _listed(self, row: Sequence[str]) -> tuple[tuple[str, ...], set[State], bool]:
        """The names of a row's lists; the states that their names tell; whether one is of likes."""
        if self._lists is None or not row[self._lists]:
            return (), set(), False
        names: dict[str, None] = {}
        told: set[State] = set()
        for part in row[self._lists].split("\n")[:_MOST_LISTS]:
            name = " ".join(part.split())[:MAX_NAME]
            state = read_state(name)
            if isinstance(state, State):
                told.add(state)
            elif name:
                names[name] = None
                several = map(read_state, re.split("[,;|]", name)) if _SEVERAL & set(name) else ()
                told.update(one for one in several if isinstance(one, State))
        liked = State.LIKED in told
        told.discard(State.LIKED)
        return tuple(names), told, liked

    def _settled(
        self,
        line: int,
        row: Sequence[str],
        said: _Said,
        *,
        days: object,
        rating: object,
        listed: bool,
    ) -> State | None:
        """What a row's state comes to, with a note where that is not what its words say."""
        evidence = days is not None or rating is not None
        if said.is_unknown:
            evidence = evidence and not is_open(said.word)
            counted = (
                "counted as seen, for its date or rating" if evidence else "not counted as seen"
            )
            self._journal.note(
                line,
                Problem.UNKNOWN_STATE,
                f"{cells.shown(said.word)} is not a state that is known; {counted}",
            )
            return State.SEEN if evidence else State.UNSEEN
        if said.state in _NOTED:
            self._journal.note(
                line,
                Problem.NOT_SEEN,
                f"{_meaning(said)}: it counts neither as seen nor as on the watchlist",
            )
        if said.state is State.LIKED:
            return State.UNSEEN
        if said.state is not None:
            return said.state
        if evidence:
            return None if self._layout.unstated is None else State.SEEN
        if self._layout.blanks_tell is not None and self._is_blank(row):
            return self._layout.blanks_tell
        return State.UNSEEN if listed else self._layout.unstated

    def _is_blank(self, row: Sequence[str]) -> bool:
        plays, review = self.columns[Column.PLAYS], self._layout.columns.get(Column.REVIEW)
        return not (
            self._has_day or row[plays].strip(" 0") or (review is not None and row[review].strip())
        )


def _meaning(said: _Said) -> str:
    state = "was dropped" if said.state is State.DROPPED else "is in progress"
    return f"{cells.shown(said.word)} says that it {state}" if said.word else f"It {state}"


_WEIGHT: Final[Mapping[State, int]] = {
    State.LIKED: 0,
    State.UNSEEN: 1,
    State.PLANNED: 2,
    State.STARTED: 3,
    State.DROPPED: 4,
    State.REMOVED: 5,
    State.SEEN: 6,
}
"""Of several lists that an item is on, the one whose name tells most."""
