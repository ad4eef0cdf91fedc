"""What the tests of reading share: uploads that are read whole."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from api_service.lists.model import ListRefused, ListTooCostly, ReadResult, UploadedFile
from api_service.lists.reading import REPORT_FILE, read_lists

if TYPE_CHECKING:
    from pathlib import Path

WATCHED = "Date,Name,Year,Letterboxd URI\n2020-01-01,Heat,1995,https://boxd.it/heat\n"


class Upload:
    """Reads what a test uploads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.max_movies = 1_000

    def read(self, files: dict[str, str | bytes]) -> ReadResult:
        uploaded = []
        for number, (name, content) in enumerate(files.items()):
            path = self.folder / f"upload-{number}"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            uploaded.append(UploadedFile(name, path))
        return read_lists(
            uploaded, max_movies=self.max_movies, max_bytes=10_000_000, folder=self.folder
        )

    def report(self, files: dict[str, str | bytes]) -> dict[str, Any]:
        self.read(files)
        report: dict[str, Any] = json.loads((self.folder / REPORT_FILE).read_text())
        return report

    def formats(self, files: dict[str, str | bytes]) -> dict[str, str | None]:
        return {file["name"]: file["format"] for file in self.report(files)["files"]}

    def refusal(self, files: dict[str, str | bytes]) -> ListRefused:
        with pytest.raises(ListRefused) as caught:
            self.read(files)
        return caught.value

    def too_costly(self, files: dict[str, str | bytes]) -> ListTooCostly:
        with pytest.raises(ListTooCostly) as caught:
            self.read(files)
        return caught.value

    def zipped(self, files: dict[str, str]) -> ReadResult:
        path = self.folder / "packed"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return read_lists(
            [UploadedFile("lists.zip", path)],
            max_movies=self.max_movies,
            max_bytes=100_000_000,
            folder=self.folder,
        )


@pytest.fixture
def upload(tmp_path: Path) -> Upload:
    return Upload(tmp_path)
