# ruff: noqa: RUF001, RUF002  # letters and dashes as Kinopoisk writes them
"""Kinopoisk's export of ratings or of a list: a table of HTML under the name of an `.xls`.

From exports in a public repository (real ones were seen), in Windows-1251. A rating, out of 10, is
the word `zero` where there is none: such a film stands on a list and was not seen. The original
title is blank where it is the Russian one. Years of series are a range: `2002 – 2005`. The day of
rating, `10:53:27 11.04.2016`, is only in the export of ratings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from api_service.lists.model import Column, Kind, Layout
from api_service.lists.values.headers import fold_header, is_watchlist

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_RUSSIAN: Final = "русскоязычноеназвание"
_ORIGINAL: Final = "оригинальноеназвание"
_NAMES: Final = {
    _RUSSIAN: Column.TITLE,
    _ORIGINAL: Column.TITLE,
    "год": Column.YEAR,
    "мояоценка": Column.RATING,
    "датаивремя": Column.WRITTEN,
    "мойкомментарий": Column.REVIEW,
}
_OF_A_FILM: Final = frozenset(
    {
        *("страны", "режиссёр", "режисcёр", "актёры", "жанры", "возраст", "время"),
        *("рейтингкинопоиска", "числооценок", "рейтингimdb", "числооценокimdb", "рейтингmpaa"),
        *("мироваяпремьера", "премьераврф", "релизнаdvd", "бюджет", "сборысша", "сборымир"),
        "сборырф",
    }
)
"""Columns of what everybody knows of a film."""
_OURS: Final = (
    *(Column.TITLE, Column.YEAR, Column.RATING, Column.WRITTEN, Column.REVIEW, Column.SEEN),
    Column.TYPE,
)
_MARK: Final = "kinopoisk"
_RANGE = re.compile(r"([0-9]{4})\s*[–—-].*")
_DATE = re.compile(r"(?:[0-9:]+ )?([0-9]{2})\.([0-9]{2})\.([0-9]{4})")
_NONE: Final = "zero"
_OUT_OF: Final = 10


def reshaping(header: Mapping[int, str]) -> Callable[[dict[int, str]], dict[int, str]] | None:
    """How the rows under a header are read, the header among them; None if it is another one."""
    folded = dict(zip(header, fold_header(list(header.values())), strict=True))
    places = {name: at for at, name in folded.items() if name in _NAMES}
    if not {_RUSSIAN, _ORIGINAL, "мояоценка"} <= places.keys():
        return None
    rest = [at for at, name in folded.items() if name not in _NAMES and name not in _OF_A_FILM]
    is_header = True

    def reshape(row: dict[int, str]) -> dict[int, str]:
        nonlocal is_header
        if is_header:
            is_header = False
            return dict(enumerate((*_OURS, _MARK, *(header[at] for at in rest))))
        said = {name: row.get(at, "") for name, at in places.items()}
        cells = (*_read(said), "")
        return dict(enumerate(cells)) | {
            len(cells) + n: row.get(at, "") for n, at in enumerate(rest)
        }

    return reshape


def _read(said: Mapping[str, str]) -> tuple[str, ...]:
    rating, year = said.get("мояоценка", ""), said.get("год", "")
    rated = "" if rating.casefold() == _NONE else rating
    is_series = _RANGE.fullmatch(year)
    day = said.get("датаивремя", "")
    found = _DATE.fullmatch(day)
    return (
        said.get(_ORIGINAL) or said.get(_RUSSIAN, ""),
        is_series[1] if is_series else year,
        rated,
        f"{found[3]}-{found[2]}-{found[1]}" if found else day,
        said.get("мойкомментарий", ""),
        "" if rated else "no",
        "series" if is_series else "",
    )


def recognise(opening: Sequence[list[str]], name: str) -> Layout | None:
    """Recognise the header that `reshaping` made."""
    if opening[0][: len(_OURS) + 1] != [*_OURS, _MARK]:
        return None
    return Layout(
        format="kinopoisk",
        kind=Kind.WATCHLIST if is_watchlist(name) else Kind.RATINGS,
        columns={column: at for at, column in enumerate(_OURS)},
        may_be_empty=True,
        rating_out_of=_OUT_OF,
    )
