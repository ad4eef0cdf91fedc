"""Zip uploads: what a zip from Letterboxd holds is read, and what a hostile one holds is not."""

from __future__ import annotations

import io
import random
import zipfile
from typing import TYPE_CHECKING

import pytest

from api_service.lists.files.archives import MAX_FILES, unpack
from api_service.lists.model import ListRefused, Refusal, UploadedFile

if TYPE_CHECKING:
    from pathlib import Path


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def unpacked(folder: Path, content: bytes, max_bytes: int = 1_000_000) -> dict[str, bytes]:
    path = folder / "upload"
    path.write_bytes(content)
    target = folder / "members"
    target.mkdir(exist_ok=True)
    files = unpack([UploadedFile("export.zip", path)], target, max_bytes=max_bytes)
    return {file.name: file.path.read_bytes() for file in files}


def refusal(folder: Path, content: bytes, max_bytes: int = 1_000_000) -> ListRefused:
    with pytest.raises(ListRefused) as caught:
        unpacked(folder, content, max_bytes)
    return caught.value


def test_members_keep_their_folders_and_nothing_else_counts(tmp_path: Path) -> None:
    members = {
        "export/likes/films.csv": b"Title\nHeat\n",
        "export/watched.csv": b"Title\nRan\n",
    }
    ignored = {
        "export/": b"",
        "__MACOSX/export/._watched.csv": b"x",
        "export/.DS_Store": b"x",
    }
    assert unpacked(tmp_path, zipped(members | ignored)) == members


def test_member_cannot_choose_where_it_is_written(tmp_path: Path) -> None:
    assert unpacked(tmp_path, zipped({"../../evil.csv": b"x"})) == {"../../evil.csv": b"x"}
    assert not (tmp_path.parent / "evil.csv").exists()
    assert [path.name for path in (tmp_path / "members").iterdir()] == ["1.csv"]


def test_zip_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    error = refusal(tmp_path, zipped({"bomb.csv": b"\n" * 10_000_000}), max_bytes=500_000)
    assert error.reason is Refusal.TOO_MANY_BYTES
    assert sum(path.stat().st_size for path in (tmp_path / "members").iterdir()) <= 500_000


def test_limit_counts_all_members_together(tmp_path: Path) -> None:
    content = zipped({"a.csv": b"a" * 60, "b.csv": b"b" * 60})
    assert refusal(tmp_path, content, max_bytes=119).reason is Refusal.TOO_MANY_BYTES
    assert len(unpacked(tmp_path, content, max_bytes=120)) == 2


def test_too_many_members_are_refused(tmp_path: Path) -> None:
    content = zipped({f"{number}.csv": b"" for number in range(MAX_FILES + 1)})
    assert refusal(tmp_path, content).reason is Refusal.TOO_MANY_FILES


def test_huge_directory_is_refused_unread(tmp_path: Path) -> None:
    content = zipped({f"{number:0500}.csv": b"" for number in range(MAX_FILES)})
    assert refusal(tmp_path, content).reason is Refusal.TOO_MANY_FILES


def test_encrypted_zip_is_refused(tmp_path: Path) -> None:
    content = bytearray(zipped({"watched.csv": b"Title\nRan\n"}))
    content[6] |= 1  # general purpose flag in the local header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    assert refusal(tmp_path, bytes(content)).reason is Refusal.ENCRYPTED_ZIP


def test_zip_in_a_zip_is_set_aside(tmp_path: Path) -> None:
    members = {"inner.zip": zipped({"a.csv": b"Title\nRan\n"}), "a.csv": b"Title\nHeat\n"}
    (path := tmp_path / "upload").write_bytes(zipped(members))
    (target := tmp_path / "members").mkdir()
    files = unpack([UploadedFile("export.zip", path)], target, max_bytes=1_000_000)
    assert {file.name: bool(file.aside) for file in files} == {"inner.zip": True, "a.csv": False}


def test_spreadsheet_is_told_from_a_zip(tmp_path: Path) -> None:
    error = refusal(tmp_path, zipped({"[Content_Types].xml": b"<Types/>", "xl/a.xml": b""}))
    assert error.reason is Refusal.SPREADSHEET
    assert "CSV UTF-8" in error.detail


@pytest.mark.parametrize("members", [{}, {"folder/": b"", ".hidden": b"x"}])
def test_zip_without_files_is_refused(tmp_path: Path, members: dict[str, bytes]) -> None:
    assert refusal(tmp_path, zipped(members)).reason is Refusal.EMPTY_FILE


def test_unusual_compression_is_refused(tmp_path: Path) -> None:
    content = zipped({"watched.csv": b"Title\nRan\n"}, zipfile.ZIP_BZIP2)
    assert refusal(tmp_path, content).reason is Refusal.BROKEN_ZIP


def test_broken_zip_is_refused_and_never_an_accident(tmp_path: Path) -> None:
    whole = zipped({"likes/films.csv": b"Title\n" + b"Ran\n" * 50, "watched.csv": b"Title\nRan\n"})
    chance = random.Random(7)  # noqa: S311  # reproducible damage, no secret
    for _ in range(1_500):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(4, len(damaged))] = chance.choice([0, 1, 0x7F, 0xFF])
        cut = chance.choice([len(damaged), chance.randrange(4, len(damaged))])
        try:
            unpacked(tmp_path, bytes(damaged[:cut]))
        except ListRefused as error:
            assert error.reason in Refusal  # noqa: PT017  # most are refused, a few survive damage
