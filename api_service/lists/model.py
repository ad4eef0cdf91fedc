"""The words of list reading: an uploaded file, a row's sighting of a film, a refusal, a result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from shared.errors import UnreadableListError, UploadTooCostlyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from api_service.lists.values.dates import DateOrder
    from api_service.lists.values.ratings import Rating
    from api_service.lists.values.states import State, Test

MAX_NAME = 255
_MOST_LOOKED_AT = 4_096
"""Characters of a name that are looked at: it may be 64 KiB long, and is shown for many rows."""


class Refusal(StrEnum):
    """Why an upload is refused whole; a program may rely on these."""

    BAD_ENCODING = "bad_encoding"
    BROKEN_JSON = "broken_json"
    BROKEN_XML = "broken_xml"
    BROKEN_ZIP = "broken_zip"
    EMPTY_FILE = "empty_file"
    ENCRYPTED_ZIP = "encrypted_zip"
    FIELD_TOO_LONG = "field_too_long"
    NESTED_ZIP = "nested_zip"
    NOT_TEXT = "not_text"
    NO_SUCH_PROFILE = "no_such_profile"
    NO_FILES = "no_files"
    NO_TITLE_COLUMN = "no_title_column"
    NO_USABLE_ROWS = "no_usable_rows"
    SPREADSHEET = "spreadsheet"
    TOO_MANY_BYTES = "too_many_bytes"
    TOO_MANY_FILES = "too_many_files"
    TOO_MANY_MOVIES = "too_many_movies"
    TOO_MANY_ROWS = "too_many_rows"
    UNTERMINATED_QUOTE = "unterminated_quote"


class CostLimit(StrEnum):
    """What reading an upload would take too much of; a program may rely on these."""

    BLANK_ROWS = "blank_rows"
    """Blank lines or items beside too few films."""
    ITEM_SIZE = "item_size"
    """Characters of one JSON item."""
    MEMORY = "memory"
    NAMES = "names"
    """Columns, or distinct names of members of JSON items."""
    OUTPUT_SIZE = "output_size"
    """Bytes that the films come to."""
    PROCESSOR_TIME = "processor_time"
    TIME = "time"
    UNKNOWN = "unknown"
    """The process that read it was ended by the system, which does not say why."""


class Problem(StrEnum):
    """Why a row was rejected or set aside, or a cell not used; a program may rely on these."""

    # The row is rejected.
    CONTROL_CHARACTER = "control_character"
    MISSING_TITLE = "missing_title"
    NO_SUCH_POSITION = "no_such_position"
    STRAY_QUOTE = "stray_quote"
    TITLE_TOO_LONG = "title_too_long"
    TOO_MANY_CELLS = "too_many_cells"
    # The row is set aside: it says clearly that it is no film.
    GAME = "game"
    OTHER_TYPE = "other_type"
    BOOK = "book"
    MUSIC = "music"
    OTHER_PROFILE = "other_profile"
    PODCAST = "podcast"
    REMOVED = "removed"
    """It is no longer among the user's films."""
    SHORT_VIEWING = "short_viewing"
    TV_EPISODE = "tv_episode"
    TV_SERIES = "tv_series"
    # The row is read, with a note.
    AMBIGUOUS_FILM = "ambiguous_film"
    BAD_ADDRESS = "bad_address"
    BAD_DATE = "bad_date"
    BAD_ID = "bad_id"
    BAD_RATING = "bad_rating"
    BAD_YEAR = "bad_year"
    CONFLICTING_IDS = "conflicting_ids"
    MAYBE_EPISODES = "maybe_episodes"
    NOT_SEEN = "not_seen"
    """It was dropped, or is in progress, or its blank cell says so beside filled ones."""
    SEVERAL_USERS = "several_users"
    UNKNOWN_STATE = "unknown_state"


class ListRefused(UnreadableListError):  # noqa: N818  # it is an answer to the user, not a fault
    """The whole upload is refused because of one file; nothing of it is stored.

    Attributes:
        file: the file's name as shown to people, "" when the client gave none.
        reason: the stable code.
        message: what is wrong and what to do, without the place; `detail` names the place too.
        line: the physical line, counted from 1, where one is known.
    """

    def __init__(self, file: str, reason: Refusal, message: str, line: int | None = None) -> None:
        self.file = display_name(file)
        self.reason = reason
        self.message = message
        self.line = line
        super().__init__(
            f"{_place(self.file, line)}: {message}",
            extra={"file": self.file, "line": line, "reason": reason.value},
        )

    def __reduce__(self) -> tuple[type[ListRefused], tuple[str, Refusal, str, int | None]]:
        # An exception is pickled with its message alone, which is not what __init__ takes.
        return type(self), (self.file, self.reason, self.message, self.line)


class ListTooCostly(UploadTooCostlyError):  # noqa: N818  # as `ListRefused`
    """The whole upload is refused because of what it takes to read; it is not tried again.

    Attributes:
        file: the file's name as shown to people, "" where none is known.
        limit: what was exceeded.
        message: how much is taken and what to do, without the place; `detail` names the place too.
        line: the physical line, counted from 1, where one is known.
    """

    def __init__(self, file: str, limit: CostLimit, message: str, line: int | None = None) -> None:
        self.file = display_name(file)
        self.limit = limit
        self.message = message
        self.line = line
        super().__init__(
            f"{_place(self.file, line)}: {message}",
            extra={"file": self.file, "line": line, "limit": limit.value},
        )

    def __reduce__(self) -> tuple[type[ListTooCostly], tuple[str, CostLimit, str, int | None]]:
        return type(self), (self.file, self.limit, self.message, self.line)


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


class Column(StrEnum):
    """What a column may hold that list reading has a use for."""

    TITLE = "title"
    YEAR = "year"
    ADDRESS = "address"
    TMDB_ID = "tmdb_id"
    IMDB_ID = "imdb_id"
    RATING = "rating"
    """Out of what the layout says."""
    RATING10 = "rating10"
    """Out of 10, beside a rating out of something else."""
    WRITTEN = "written"
    """When the row was written; it only tells the newer of two apart."""
    WATCH_DATE = "watch_date"
    REWATCH = "rewatch"
    PLAYS = "plays"
    """How often it was watched in all."""
    TAGS = "tags"
    REVIEW = "review"
    SEEN = "seen"
    """Whether it was watched, in a list that has both."""
    TYPE = "type"
    """Whether it is a film at all, or a series, a game, …"""

    # What follows is looked for only where a format has it: see `marks.py`.
    STATE = "state"
    """Seen, planned, dropped, … in a word."""
    PLANNED = "planned"
    """Whether it is on the watchlist."""
    LIKED = "liked"
    LISTS = "lists"
    """Names of lists that it is on, one a line; a state's or the favourites' name means that."""
    SOURCE = "source"
    """Whose id the id is: TMDB's, IMDb's, or that of another catalogue."""
    ID = "id"
    """An id of the source, or one that says itself whose it is: `tt0113277`, `tmdb:949`."""
    OWN_ID = "own_id"
    """The id that the service itself has for the film."""
    REWATCHES = "rewatches"
    """How often it was watched after the first time."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of an upload.

    Attributes:
        name: as the client gave it, with folders, or "".
        path: where it is.
        from_zip: whether it came in a zip, into which people pack what is no list, too, or is one
            of a workbook's sheets.
        numbered: whether it is a CSV of this process's own, whose rows begin with their numbers.
        aside: why it is not read, if it is not.
    """

    name: str
    path: Path
    from_zip: bool = False
    numbered: bool = False
    aside: str | None = None


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
        unread: columns that look as if they told something, and are not read.
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
    """A column that looks as if it told something, and is not read, with a cell of it."""

    column: str
    example: str


class NotAFilm(NamedTuple):
    """Why a row is set aside: what it is, as in “It is a video game, not a film”.

    Attributes:
        code: the stable code.
        reason: what stands between “is” and “not a film”.
        said: what follows the title instead, where that sentence would be wrong.
    """

    code: Problem
    reason: str
    said: str = ""

    def of(self, title: str) -> str:
        """Return the sentence about a row of this title, as it is shown."""
        told = f"is {self.reason}" + ("" if self.code is Problem.REMOVED else ", not a film")
        return f"{title or 'It'} {self.said or told}"


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


@dataclass(frozen=True, slots=True)
class SessionFilms:
    """The films of a session that more files are added to.

    Attributes:
        path: a file with a line for each, as `known.read_known` reads it.
        mark: how the rows of its exports name the session.
        last_position: the largest that any movie of it ever had.
    """

    path: Path
    mark: str
    last_position: int


class Sighting(NamedTuple):
    """What one row says of one film. `key` is the title lookup key, "" without a title.

    A tuple, because one is made for every row: a dataclass takes twice the time.
    """

    line: int
    title: str
    year: int | None
    key: str
    address: str
    tmdb_id: int | None
    imdb_id: str | None
    rating: Rating | None
    written: date | None
    watch_date: date | None
    rewatch: bool
    plays: int
    tags: str
    review: str
    own_id: str
    """The id of the service that the list is from, with that one's name."""
    state: State | None = None
    """What the row states; where it states nothing, its file's kind tells."""
    planned: bool = False
    """On the watchlist, though it may be seen."""
    liked: bool = False
    lists: tuple[str, ...] = ()
    more_days: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What the API needs to know of an upload that was read: small, and safe to send by pickle.

    Attributes:
        total_movies: films in all, those that the session had included.
        added: rows in `movies.csv` that are new films; they stand last.
        changed: rows in `movies.csv` of films that the session had.
        summary: the report with no more than its first 20 rejected rows and 20 notes.
    """

    total_movies: int
    added: int
    changed: int
    summary: dict[str, Any]


def display_name(name: str) -> str:
    """A client's file name, safe to show and to log: printable, at most 255 long."""
    spaced = " ".join(name[:_MOST_LOOKED_AT].split())
    return "".join(char for char in spaced if char.isprintable())[:MAX_NAME]


def _place(file: str, line: int | None) -> str:
    """Name where something stands, as the beginning of a sentence."""
    place = file or "The upload"
    return place if line is None else f"{place}, line {line}"
