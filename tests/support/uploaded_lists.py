"""An upload as a test writes it: named files in, movies, formats and report out."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from api_service.lists.merging.copying import MOVIE_COLUMNS
from api_service.lists.model import UploadedFile
from api_service.lists.reading import MOVIES_FILE, REPORT_FILE, read_lists

if TYPE_CHECKING:
    from collections.abc import Sequence

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
