"""A zip read whole: like its files, and whatever else people pack into it is set aside."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from api_service.lists.model import Refusal
from api_service.lists.reading import MOVIES_FILE, REPORT_FILE
from tests.unit.api_service.conftest import WATCHED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.api_service.conftest import Upload


def zipped(folder: Path, members: dict[str, str | bytes]) -> bytes:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("AUTHORS", "Permission is hereby granted\n"),
        ("docs/howto.md", '# "Films\n'),
        ("data.json", '{"Name": '),
        ("poster.jpg", b"\xff\xd8\xff\xe0"),
        ("notes.txt", b"\xe9t\xe9"),
        ("empty.txt", ""),
    ],
)
def test_what_is_no_list_in_a_zip_is_set_aside_and_named(
    upload: Upload, name: str, content: str | bytes
) -> None:
    report = upload.report({"x.zip": zipped(upload.folder, {name: content, "w.csv": WATCHED})})
    assert report["total_movies"] == 1
    (aside,) = [file for file in report["files"] if file["set_aside"]]
    assert (aside["name"], aside["format"], aside["set_aside"]) == (name, None, "is no list")


@pytest.mark.parametrize("name", ["diary.csv", "DIARY.CSV", "list.tsv"])
def test_a_broken_list_in_a_zip_is_refused_and_not_set_aside(upload: Upload, name: str) -> None:
    content = zipped(upload.folder, {name: b"\xff\xd8\xff", "w.csv": WATCHED})
    error = upload.refusal({"x.zip": content})
    assert (error.file, error.reason) == (name, Refusal.NOT_TEXT)


def test_a_zip_without_any_list_says_what_it_holds_instead(upload: Upload) -> None:
    error = upload.refusal({"x.zip": zipped(upload.folder, {"poster.jpg": b"\xff\xd8\xff"})})
    assert (error.file, error.reason) == ("poster.jpg", Refusal.NOT_TEXT)


def test_what_is_no_list_outside_a_zip_is_refused(upload: Upload) -> None:
    error = upload.refusal({"poster.jpg": b"\xff\xd8\xff", "w.csv": WATCHED})
    assert (error.file, error.reason) == ("poster.jpg", Refusal.NOT_TEXT)


def test_zip_in_a_folder_is_read_like_its_files(upload: Upload) -> None:
    members: dict[str, str | bytes] = {
        "letterboxd-me/watched.csv": WATCHED,
        "letterboxd-me/likes/films.csv": WATCHED,
        "letterboxd-me/profile.csv": "Username,Email\nme,me@example.org\n",
    }
    report = upload.report({"": zipped(upload.folder, members)})
    assert report["total_movies"] == 1
    assert [file["format"] for file in report["files"]] == [
        "letterboxd_watched",
        "letterboxd_likes",
        None,
    ]
    assert sorted(path.name for path in upload.folder.iterdir()) == [
        "export.zip",
        MOVIES_FILE,
        REPORT_FILE,
        "upload-0",
    ]
