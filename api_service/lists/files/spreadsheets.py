"""Our own CSV: the names of its columns, and cells that no spreadsheet takes for a formula.

What is written here is read back by `ours.py`, to the letter.
"""

from __future__ import annotations

import hashlib
import re
from string import ascii_letters, digits
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

TO_CORRECT: Final = (
    *("Position", "Title", "Year", "TMDb ID", "IMDb ID", "Reason", "Candidates", "Session"),
)
"""The list of what was not found: ids and titles are to be filled in, the rest helps a person."""

WHOLE: Final = (
    *("Position", "Title", "Year", "TMDb ID", "IMDb ID", "Outcome", "Reason", "Candidates"),
    *(
        "Watched",
        "Rating",
        "Rating Original",
        "Watch Dates",
        "Rewatches",
        "Liked",
        "Tags",
        "Review",
    ),
    *("In Watchlist", "Lists", "Source URL"),
    *("TMDB URL", "TMDB Title", "Original Title", "Release Date"),
    *("Genres", "Directors", "Cast", "Runtime", "Countries", "Languages", "Overview", "Poster URL"),
    *("Vote Average", "Vote Count", "Confidence", "Session"),
)
"""Everything: what the user said, then what TMDB knows."""

LETTERBOXD: Final = (
    *("LetterboxdURI", "tmdbID", "imdbID", "Title", "Year", "Directors", "Rating", "Rating10"),
    *("WatchedDate", "Rewatch", "Tags", "Review", "Plays"),
)
"""Letterboxd's import form (https://letterboxd.com/about/importing-data/): a row for each watching.
`Plays` is ours, for reading it back: how often a film was seen, where its rows do not show it."""

# What Excel, LibreOffice and Google Sheets start a formula or another cell with, their full-width
# forms included. The apostrophe in front is the spreadsheets' own sign for "this is text".
_SIGNS: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"
# A spreadsheet may drop what is invisible before it looks for a sign: a byte order mark within a
# file, spaces, and all that Unicode calls control, format or separator, or draws as nothing.
_INVISIBLE: Final = (
    "\\x00-\\x20\\x7f-\\xa0\\xad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2"
    "\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f"
    "\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\U000110bd\\U000110cd"
    "\\U00013430-\\U0001343f\\U0001bca0-\\U0001bca3\\U0001d173-\\U0001d17a\\U000e0000-\\U000e0fff"
)
_DANGER: Final = f"(?:[\\t\\r\\n]|[{_INVISIBLE}]*[{_SIGNS}])"
_HARMLESS: Final = frozenset(ascii_letters + digits)
_TO_ESCAPE = re.compile(f"'*{_DANGER}")
_ESCAPED = re.compile(f"'+{_DANGER}")


def safe_cell(text: str) -> str:
    """A cell that is shown as text; one that looks like an escaped one is escaped once more."""
    # Most cells are told by their first character, and an export has millions.
    if text[:1] in _HARMLESS:
        return text
    return f"'{text}" if _TO_ESCAPE.match(text) else text


def plain_cell(cell: str) -> str:
    """What `safe_cell` was given."""
    return cell[1:] if _ESCAPED.match(cell) else cell


def csv_line(cells: Iterable[str]) -> str:
    """A line of CSV (RFC 4180), each cell in quotes, so that no other delimiter parts it."""
    doubled = (safe_cell(cell).replace('"', '""') if cell else cell for cell in cells)
    return ",".join([f'"{cell}"' for cell in doubled]) + "\r\n"


def session_mark(session_id: UUID) -> str:
    """How an exported row names its session; the id itself would let every reader of the file in.

    Begins with a letter, because a spreadsheet would make a number of `1e234567`.
    """
    return f"s{hashlib.sha256(session_id.bytes).hexdigest()[:12]}"
