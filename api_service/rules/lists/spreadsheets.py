"""Our own CSV: the names of its columns, and cells that no spreadsheet takes for a formula.

What is written here is read back by `ours.py`, to the letter.
"""

from __future__ import annotations

import hashlib
import re
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
_DANGER: Final = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_FIRST: Final = frozenset("'=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_TO_ESCAPE = re.compile(f"'*[{_DANGER}]")
_ESCAPED = re.compile(f"'+[{_DANGER}]")


def safe_cell(text: str) -> str:
    """A cell that is shown as text; one that looks like an escaped one is escaped once more."""
    # Most cells are told by their first character, and an export has millions.
    return f"'{text}" if text[:1] in _FIRST and _TO_ESCAPE.match(text) else text


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
