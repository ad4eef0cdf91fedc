"""TMDB's daily export of film ids, from compressed bytes to rows; no I/O.

A film a line, in JSON: `adult`, `id`, `original_title`, `popularity`, `video`. It has no year, no
votes and no title but the original one.
Source: https://developer.themoviedb.org/docs/daily-id-exports
"""

from __future__ import annotations

import math
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic_core import from_json

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

MOST_COMPRESSED: Final = 100_000_000
MOST_UNPACKED: Final = 500_000_000
LONGEST_LINE: Final = 4_096
LARGEST_ID: Final = 2**31 - 1
_GZIP: Final = 16 + zlib.MAX_WBITS
_PIECE: Final = 8 * 1024
"""Bytes that are unpacked at a time: some eighty lines, less than a millisecond of work."""


class ExportError(Exception):
    """The export cannot be had or read; the text says why, and holds no secret."""


class ExportMissingError(ExportError):
    """There is no file of that day, or none yet."""


class ExportedFilm(NamedTuple):
    """One line of the export, and how it is marked."""

    tmdb_id: int
    original_title: str
    popularity: float
    is_adult: bool = False
    is_video: bool = False


def export_path(day: dt.date) -> str:
    """Return the path of a day's file."""
    return f"/p/exports/movie_ids_{day:%m_%d_%Y}.json.gz"


class ExportReader:
    """Unpacks and reads an export as it arrives, eighty lines at a time."""

    def __init__(self) -> None:
        self._unpacker = zlib.decompressobj(_GZIP)
        self._compressed = 0
        self._unpacked = 0
        self._rest = b""

    def read(self, data: bytes) -> Iterator[list[ExportedFilm]]:
        """Yield the films of all lines that these bytes complete.

        Raises:
            ExportError: this is no gzip, more than an export can be, or goes on after its end.
        """
        self._compressed += len(data)
        if self._compressed > MOST_COMPRESSED:
            raise ExportError(f"the export is larger than {MOST_COMPRESSED} bytes")
        while data:
            try:
                piece = self._unpacker.decompress(data, _PIECE)
            except zlib.error as error:
                raise ExportError(f"the export is no gzip: {error}") from None
            if self._unpacker.unused_data:
                # A second member would be left out without a word.
                raise ExportError("the export has data after its end")
            data = self._unpacker.unconsumed_tail
            self._unpacked += len(piece)
            if self._unpacked > MOST_UNPACKED:
                raise ExportError(f"the export unpacks to more than {MOST_UNPACKED} bytes")
            *lines, self._rest = (self._rest + piece).split(b"\n")
            if len(self._rest) > LONGEST_LINE or any(len(line) > LONGEST_LINE for line in lines):
                raise ExportError(f"a line of the export has more than {LONGEST_LINE} bytes")
            if lines:
                yield list(_films(lines))

    def close(self) -> None:
        """Check that the export has come to its end.

        Raises:
            ExportError: it was cut short.
        """
        if not self._unpacker.eof or self._rest:
            raise ExportError("the export was cut short")


def _films(lines: list[bytes]) -> Iterator[ExportedFilm]:
    for line in _parsed(lines):
        if not isinstance(line, dict):
            continue
        tmdb_id, title = line.get("id"), line.get("original_title")
        if type(tmdb_id) is not int or not 0 < tmdb_id <= LARGEST_ID or not isinstance(title, str):
            continue
        popularity = line.get("popularity")
        if not isinstance(popularity, int | float) or not math.isfinite(popularity):
            popularity = 0.0
        is_adult, is_video = bool(line.get("adult")), bool(line.get("video"))
        yield ExportedFilm(tmdb_id, title, popularity, is_adult, is_video)


def _parsed(lines: list[bytes]) -> Iterable[object]:
    try:
        parsed: list[object] = from_json(b"[" + b",".join(filter(None, lines)) + b"]")
    except ValueError:
        return [line for line in map(_parsed_alone, lines) if line is not None]
    return parsed


def _parsed_alone(line: bytes) -> object:
    try:
        return from_json(line)
    except ValueError:
        return None
