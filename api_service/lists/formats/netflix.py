"""Netflix's viewing history, of one profile or in the copy of all one's data.

From histories in public repositories: `ViewingHistory.csv` has two columns, `Title,Date`, in the
language of the account, with the date as its country writes it (`10/19/22`, `30-11-21`,
`03.10.21`). `ViewingActivity.csv`, of the copy, has `Profile Name`, `Start Time` in UTC,
`Duration`, `Title`, `Supplemental Video Type` and more, of all profiles. Neither says what is an
episode: `netflix_evidence.py` finds that out. The other files of the copy name series and films
alike, or hold none.
"""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING, Final

from api_service.lists.formats.netflix_evidence import History
from api_service.lists.formats.netflix_titles import is_episode_by_itself
from api_service.lists.model import Column, Kind, Layout, NotAFilm, Problem, SetAside
from api_service.lists.values.dates import looks_like_date
from api_service.lists.values.headers import find_columns, fold_header

if TYPE_CHECKING:
    from collections.abc import Sequence

_TITLES: Final = ("title", "titel", "titre", "título", "titolo", "tytuł", "titul", "název")
_COLUMNS: Final = {
    Column.TITLE: _TITLES,
    Column.WATCH_DATE: (
        *("starttime", "starttimeutc"),
        *("date", "datum", "fecha", "data", "dato", "datę"),
    ),
    Column.TYPE: ("supplementalvideotype",),
}
TITLE_NAMES: Final = frozenset(_TITLES)
_PROFILE: Final = "profilename"
_DURATION: Final = "duration"
_SHORTEST: Final = 120
"""Seconds of a viewing: less is a preview, or a film that was left at once."""
_MINUTE: Final = 60
_TWO: Final = 2
_OF_OTHERS: Final = ("watch", "seen", "rating", "rated", "added", "release")
"""In the names of columns that people choose, and Netflix does not."""

_OF_THE_COPY: Final = {
    "utctitleadddate": "is a list of series and films alike, and does not say which is which",
    "thumbsvalue": "rates series and films alike, and does not say which is which",
    "querytyped": "holds what was searched for",
}
"""Columns of other files in the copy that have a profile, and why these are not read."""


def recognise(opening: Sequence[list[str]], name: str) -> Layout | SetAside | None:
    """Recognise either file by its header; `Title,Date` needs a date below it too."""
    header = fold_header(opening[0])
    columns = find_columns(header, _COLUMNS)
    if not {Column.TITLE, Column.WATCH_DATE} <= columns.keys():
        columns = _of_two(opening, header, name) or columns
    if not {Column.TITLE, Column.WATCH_DATE} <= columns.keys():
        return _other_file(header)
    if Column.TYPE not in columns and not _is_short_form(opening, header, columns):
        return None
    return Layout(
        format="netflix",
        kind=Kind.DIARY,
        columns=columns,
        study=History,
        no_viewing=partial(_is_too_short, header.index(_DURATION)) if _DURATION in header else None,
        profile=header.index(_PROFILE) if _PROFILE in header else None,
        dates_vary=True,
    )


def _of_two(opening: Sequence[list[str]], header: Sequence[str], name: str) -> dict[Column, int]:
    """The columns of a history in whatever language: two names, and days below the second."""
    rows = [row for row in opening[1:] if len(row) == _TWO]
    if len(header) != _TWO or not all(header) or looks_like_date(opening[0][1]) or not rows:
        return {}
    if any(part in opening[0][1].casefold() for part in _OF_OTHERS) or not (
        "netflix" in name.casefold() or any(": " in row[0] for row in rows)
    ):
        return {}
    if all(looks_like_date(row[1]) and not looks_like_date(row[0]) for row in rows):
        return {Column.TITLE: 0, Column.WATCH_DATE: 1}
    return {}


def _is_short_form(
    opening: Sequence[list[str]], header: Sequence[str], columns: dict[Column, int]
) -> bool:
    """Whether it is `Title,Date`, to which a spreadsheet may have added columns of its own."""
    title, watched = columns[Column.TITLE], columns[Column.WATCH_DATE]
    rows = [row for row in opening[1:] if max(title, watched) < len(row)]
    if not any(looks_like_date(row[watched]) for row in rows):
        return False
    return sum(map(bool, header)) == len(columns) or any(
        is_episode_by_itself(row[title]) for row in rows
    )


def _other_file(header: Sequence[str]) -> SetAside | None:
    if _PROFILE not in header:
        return None
    reasons = (reason for column, reason in _OF_THE_COPY.items() if column in header)
    return SetAside(next(reasons, "holds no viewings"))


def _is_too_short(column: int, row: Sequence[str]) -> NotAFilm | None:
    return _short(row[column]) if column < len(row) else None


@lru_cache(maxsize=16_384)
def _short(duration: str) -> NotAFilm | None:
    """Why a row that lasted so long is no viewing; what is no `hh:mm:ss` says nothing."""
    try:
        hours, minutes, seconds = map(int, duration.split(":"))
    except ValueError:
        return None
    total = (hours * _MINUTE + minutes) * _MINUTE + seconds
    if total >= _SHORTEST:
        return None
    return NotAFilm(
        Problem.SHORT_VIEWING,
        "",
        f"ran for {total} seconds; less than two minutes is no viewing",
    )
