"""Headers and file names: which column is which, however it is written."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from api_service.lists.values.states import State, read_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from api_service.lists.model import Column

_COPY_NUMBER = re.compile(
    r"\s*\([0-9]+\)$"
)  # browsers save a second watched.csv as watched (1).csv
_PLANNED = (
    *("watchlist", "wishlist", "towatch", "tosee", "wantto", "planto", "planned", "unwatched"),
    *("unseen", "notwatched", "notseen", "backlog"),
)
_LONGEST = 200
"""Characters of a column's name that are looked at; a cell in its place may have a million."""


_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_A-Za-z]+")
_TELLING: Final = frozenset(
    [
        "state",
        "status",
        "seen",
        "watch",
        "watched",
        "watches",
        "watchlist",
        "viewed",
        "played",
        "completed",
        "finished",
        "started",
        "dropped",
        "planned",
        "wishlist",
        "favorite",
        "favourite",
        "liked",
        "rating",
        "ratings",
        "rated",
        "rate",
        "score",
        "scores",
        "stars",
        "grade",
        "vote",
        "points",
        "date",
        "dates",
        "day",
        "when",
        "time",
        "timestamp",
        "at",
        "on",
        "ts",
        "released",
        "id",
        "ids",
        "imdb",
        "tmdb",
        "tvdb",
        "trakt",
        "simkl",
        "mal",
        "uri",
        "guid",
        "identifier",
        "rewatch",
        "rewatches",
        "rewatched",
        "rewatching",
        "plays",
        "repeat",
        "repeats",
    ]
)
_TELLING_PARTS: Final = (
    *("rating", "rated", "score", "date", "datum", "watch", "status", "seen", "wish", "favo"),
    *("stato", "estado", "statut", "zustand", "situa", "durum", "bewert", "wertung", "punkt"),
    *("ocena", "hodnoc", "betyg", "arvio", "puan", "kennung", "fecha", "dátum", "tarih"),
    *(
        "оценк",
        "статус",
        "дата",
        "просмотр",
        "评分",
        "状态",
        "日期",
        "評価",
        "日付",
        "날짜",
        "평점",
    ),
)


@lru_cache(maxsize=4_096)
def is_telling(name: str) -> bool:
    """Whether a column's name looks like that of a state, a rating, a date or an id."""
    short = name[:_LONGEST]
    if any(word.casefold() in _TELLING for word in _WORDS.findall(short)):
        return True
    folded = short.casefold()
    return any(part in folded for part in _TELLING_PARTS) or folded.endswith("id")


def fold_header(record: Sequence[str]) -> list[str]:
    """Column names with case and everything but letters and digits taken away."""
    return [_folded(name[:_LONGEST]) for name in record]


@lru_cache(maxsize=8_192)
def _folded(name: str) -> str:
    """One of them; every format looks at the same header."""
    return "".join(filter(str.isalnum, name.casefold()))


def find_columns(header: Sequence[str], names: Mapping[Column, Iterable[str]]) -> dict[Column, int]:
    """Where each column stands in a folded header; of several names the first one wins."""
    found: dict[Column, int] = {}
    for column, spellings in names.items():
        for spelling in spellings:
            if spelling in header:
                found[column] = header.index(spelling)
                break
    return found


def split_name(name: str) -> tuple[list[str], str]:
    """A client's file name as its folders and its stem, all in lower case."""
    *folders, last = name.replace("\\", "/").casefold().split("/")
    return folders, file_stem(last)


def is_watchlist(name: str) -> bool:
    """Whether a file or a sheet is called a watchlist: its films have not been seen."""
    stem = split_name(name)[1]
    folded = "".join(filter(str.isalnum, stem))
    own = stem.rpartition(": ")[2]  # of a sheet, that is called by its workbook's name and its own
    return any(word in folded for word in _PLANNED) or read_state(own) is State.PLANNED


def file_stem(name: str) -> str:
    """The last part of a file name, without `.csv` or the like and without a copy's number."""
    last = name.replace("\\", "/").rpartition("/")[2]
    stem, dot, ending = last.rpartition(".")
    if not (dot and stem and ending.isalnum() and len(ending) <= 4):  # noqa: PLR2004  # .csv, .tsv, .txt
        stem = last
    return _COPY_NUMBER.sub("", stem).strip()
