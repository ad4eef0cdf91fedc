"""Criticker's XML of one's ratings.

From exports in public repositories (real ones were seen): `recentratings` holds a `film` for each,
and in older ones `recentrankings`; the rating, out of 100, is `rating` there and `score` here.
`filmname` ends with the year in brackets, `reviewdate` is the day of rating: `Apr 23 2017, 08:18`.
`quote` is the user's own review, `tier` only says which tenth of the ratings this one is in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from api_service.lists.files.xml_records import XmlFormat, others
from api_service.lists.model import Column, Kind
from api_service.lists.values.cells import split_title

if TYPE_CHECKING:
    from api_service.lists.files.xml_records import Cells, Element

_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_DATE = re.compile(r"([A-Z][a-z]{2}) ([0-9]{1,2}),? ([0-9]{4})(?:,.*)?")
_USED: Final = frozenset(
    {"filmname", "filmyear", "filmlink", "imdbid", "rating", "score", "quote", "reviewdate"}
)
_NOT_THE_USERS: Final = frozenset({"filmid", "img", "summary", "tier"})


def _read(element: Element) -> Cells:
    said = element.texts()
    return {
        Column.TITLE: said.get("filmname", ""),
        Column.YEAR: said.get("filmyear", ""),
        Column.IMDB_ID: said.get("imdbid", ""),
        Column.ADDRESS: said.get("filmlink", ""),
        Column.RATING: said.get("rating") or said.get("score", ""),
        Column.WRITTEN: _date(said.get("reviewdate", "")),
        Column.REVIEW: said.get("quote", ""),
        **others(said, _USED | _NOT_THE_USERS),
    }


def _date(text: str) -> str:
    """The day in ISO's form; what is no such date as it is, for the report to say so."""
    found = _DATE.fullmatch(text)
    if not found or found[1] not in _MONTHS:
        return text
    return f"{found[3]}-{_MONTHS.index(found[1]) // 3 + 1:02}-{int(found[2]):02}"


FORMAT: Final = XmlFormat(
    name="criticker",
    title="Criticker's XML",
    root=frozenset({"recentratings", "recentrankings"}),
    items=frozenset({"film"}),
    within=frozenset({("recentratings",), ("recentrankings",)}),
    read=_read,
    kind=Kind.RATINGS,
    rating_out_of=100,
    split_title=split_title,
)
