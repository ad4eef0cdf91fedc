"""Problems of lists, rows and cells: stable codes, and the refusals of an upload."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from api_service.errors import UnreadableListError, UploadTooCostlyError

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


class BrokenFileError(Exception):
    """A file is not of the kind that its beginning promises.

    Attributes:
        message: what is wrong with it.
        line: counted from 1.
    """

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


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


def display_name(name: str) -> str:
    """Return a client's file name, safe to show and to log: printable, at most 255 long."""
    spaced = " ".join(name[:_MOST_LOOKED_AT].split())
    return "".join(char for char in spaced if char.isprintable())[:MAX_NAME]


def _place(file: str, line: int | None) -> str:
    """Name where something stands, as the beginning of a sentence."""
    place = file or "The upload"
    return place if line is None else f"{place}, line {line}"
