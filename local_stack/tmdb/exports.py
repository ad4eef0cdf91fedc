"""TMDB's daily export of film ids, below `/p/exports`: one file a day, no key, no budget.

A film a line, in JSON, gzipped: `adult`, `id`, `original_title`, `popularity` and `video`, and no
more. A file is there from eight in the morning (UTC) and for three months.
Source: https://developer.themoviedb.org/docs/daily-id-exports
"""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import re
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from aiohttp import web

from local_stack.tmdb.refusals import as_json
from local_stack.tmdb.state import STAND_IN

if TYPE_CHECKING:
    from collections.abc import Iterable

KEPT_DAYS: Final = 90
_NAME: Final = re.compile(r"movie_ids_(\d\d)_(\d\d)_(\d{4})\.json\.gz")


class Exportable(Protocol):
    """What a line says of a film."""

    @property
    def id(self) -> int:
        """TMDB's id."""

    @property
    def original_title(self) -> str:
        """In its own language."""

    @property
    def popularity(self) -> float:
        """TMDB's number."""

    @property
    def video(self) -> bool:
        """Whether it is marked as a video."""


class ExportLine(NamedTuple):
    """A film of which no more is there than its line."""

    id: int
    original_title: str
    popularity: float
    video: bool = False


def export_name(day: dt.date) -> str:
    """The name of a day's file."""
    return f"movie_ids_{day:%m_%d_%Y}.json.gz"


def export_of(films: Iterable[Exportable]) -> bytes:
    """The file that lists these films."""
    return gzip.compress(
        b"".join(
            as_json(
                {
                    "adult": False,
                    "id": film.id,
                    "original_title": film.original_title,
                    "popularity": film.popularity,
                    "video": film.video,
                }
            )
            + b"\n"
            for film in films
        ),
        compresslevel=6,
    )


async def answer_export(request: web.Request) -> web.Response:
    """Answer with the catalogue as of a day, or as the file server refuses what it has not."""
    stand_in = request.app[STAND_IN]
    newest = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=stand_in.options.exports_late)
    named = _NAME.fullmatch(request.match_info["name"])
    try:
        day = named and dt.date(int(named[3]), int(named[1]), int(named[2]))
    except ValueError:
        day = None
    if not day or not dt.timedelta(0) <= newest - day <= dt.timedelta(days=KEPT_DAYS):
        raise web.HTTPForbidden(text="<Error><Code>AccessDenied</Code></Error>")
    stand_in.exports += 1
    if stand_in.export is None:
        stand_in.export = await asyncio.to_thread(export_of, stand_in.catalogue.films)
    return web.Response(body=stand_in.export, content_type="application/gzip")
