"""Netflix's viewing history, of one profile or in the copy of all one's data.

From histories in public repositories: `ViewingHistory.csv` has two columns, `Title,Date`, in the
language of the account, with the date as its country writes it (`10/19/22`, `30-11-21`,
`03.10.21`). `ViewingActivity.csv`, of the copy, has `Profile Name`, `Start Time` in UTC, `Title`,
`Supplemental Video Type` and more. Neither says what is an episode. Titles do, mostly: `Show:
Season 1: Episode`, `Show: Limited Series: Episode`, `Show: Part 2: Episode`, `Show: Show 4:
Episode`, `Show: Episode 6`, with these words in the account's language. A part at the very end is
a film's (`Dune: Part Two`), and `Show: Episode's name` alone cannot be told from `Film: Subtitle`,
so it is read as a film, which TMDB then does not know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from api_service.rules.lists.dates import looks_like_date
from api_service.rules.lists.headers import find_columns, fold_header
from api_service.rules.lists.model import Column, Kind, Layout
from api_service.rules.lists.title_types import EPISODE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api_service.rules.lists.model import NotAFilm

_COLUMNS: Final = {
    Column.TITLE: ("title", "titel", "titre", "título", "titolo", "tytuł", "titul", "název"),
    Column.WATCH_DATE: (
        *("starttime", "starttimeutc"),
        *("date", "datum", "fecha", "data", "dato", "datę"),
    ),
    Column.TYPE: ("supplementalvideotype",),
}
TITLE_NAMES: Final = frozenset(_COLUMNS[Column.TITLE])

_SEASONS = (
    "season|series|staffel|saison|temporada|stagione|seizoen|sezon|sæson|säsong|sesong|kausi|"
    "sezóna|série|évad|сезон|book|part|volume|chapter|collection|teil|buch|kapitel|partie|livre|"
    "chapitre|parte|libro|capítulo|volumen|deel|hoofdstuk|boek|część|del|kapitola"
)
_LIMITED = "limited series|mini-?series?|miniserien|mini-?s[ée]rie|minissérie|miniszéria"
_EPISODES = (
    "episode|folge|épisode|episodio|episódio|aflevering|odcinek|avsnitt|afsnit|jakso|epizoda|epizód"
)
_HAS_SEASON = re.compile(
    rf": +(?:(?:{_SEASONS})\b[^:]{{0,20}}|[^: ]{{1,4}} (?:{_SEASONS})|{_LIMITED}|[12][0-9]{{3}})"
    " *: ",
    re.IGNORECASE,
)
_ENDS_WITH_EPISODE = re.compile(rf": +(?:{_EPISODES}) +[0-9]+(?: *\(.*\))?$", re.IGNORECASE)
_EPISODE_ENDS: Final = frozenset("0123456789)")
_SEASON_BY_NAME = re.compile(r"^([^:]+?) *: +\1 [^:]+: ")


def recognise(opening: Sequence[list[str]], name: str) -> Layout | None:  # noqa: ARG001  # no name tells
    """Recognise either file by its header; `Title,Date` needs a date below it too."""
    header = fold_header(opening[0])
    columns = find_columns(header, _COLUMNS)
    if not {Column.TITLE, Column.WATCH_DATE} <= columns.keys():
        return None
    if Column.TYPE not in columns:
        watched = columns[Column.WATCH_DATE]
        cells = ["".join(row[watched : watched + 1]) for row in opening[1:]]
        if len(header) != len(columns) or not any(map(looks_like_date, cells)):
            return None
    return Layout(
        format="netflix",
        kind=Kind.DIARY,
        columns=columns,
        not_a_film=not_a_film,
        dates_vary=True,
    )


def not_a_film(title: str) -> NotAFilm | None:
    """Whether a title says that it is an episode's."""
    if ": " not in title:
        return None
    found = (
        _HAS_SEASON.search(title)
        # Looked for only where it can be: else each ": Episode 1 (" is followed to the very end.
        or (title[-1] in _EPISODE_ENDS and _ENDS_WITH_EPISODE.search(title))
        or _SEASON_BY_NAME.match(title)
    )
    return EPISODE if found else None
