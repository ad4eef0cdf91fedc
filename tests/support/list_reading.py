"""An upload as a test writes it: named files in, movies, formats and report out."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from api_service.lists.merging.copy_format import MOVIE_COLUMNS
from api_service.lists.model import UploadedFile
from api_service.lists.reading import MOVIES_FILE, REPORT_FILE, read_lists

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Movie = dict[str, str]


class Read(NamedTuple):
    """What came of an upload: its movies by column, and its report."""

    movies: list[Movie]
    report: dict[str, Any]

    @property
    def formats(self) -> list[str | None]:
        return [file["format"] for file in self.report["files"]]

    @property
    def aside(self) -> list[tuple[int, str]]:
        return [(issue["line"], issue["code"]) for issue in self.report["set_aside"]]

    @property
    def notes(self) -> list[tuple[int, str]]:
        return [(issue["line"], issue["code"]) for issue in self.report["notes"]]

    @property
    def films(self) -> list[tuple[str, str, str, str, str]]:
        """Title, marks (w watched, l on the watchlist, h liked), rating as given, days, lists."""
        names = (("w", "watched"), ("l", "in_watchlist"), ("h", "liked"))
        return sorted(
            (
                movie["title"],
                "".join(mark for mark, name in names if movie[name] == "t"),
                movie["rating_original"],
                movie["watch_dates"].strip("{}"),
                movie["lists"].strip("{}").replace('"', ""),
            )
            for movie in self.movies
        )

    def column(self, *names: str) -> list[tuple[str, ...]]:
        return [tuple(movie[name] for name in names) for movie in self.movies]


def read(
    files: dict[str, str | bytes],
    max_movies: int = 1_000,
    max_bytes: int = 50_000_000,
    profiles: Sequence[str] = (),
) -> Read:
    with TemporaryDirectory() as name:
        folder = Path(name)
        uploaded = []
        for number, (file_name, content) in enumerate(files.items()):
            path = folder / f"upload-{number}"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            uploaded.append(UploadedFile(file_name, path))
        read_lists(
            uploaded,
            max_movies=max_movies,
            max_bytes=max_bytes,
            folder=folder,
            profiles=profiles,
        )
        with (folder / MOVIES_FILE).open(encoding="utf-8", newline="") as file:
            movies = [dict(zip(MOVIE_COLUMNS, row, strict=True)) for row in csv.reader(file)]
        return Read(movies, json.loads((folder / REPORT_FILE).read_text("utf-8")))


def zipped(members: Mapping[str, bytes | str], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of these members."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()
