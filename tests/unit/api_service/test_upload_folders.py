"""Uploads' folders: gone after use, kept while in use, removed once their process is."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING

import pytest

from api_service.uploads.folders import PREFIX, remove_abandoned_folders, upload_folder

if TYPE_CHECKING:
    from pathlib import Path

_HOLD_ONE = """
from api_service.uploads.folders import upload_folder
with upload_folder() as folder:
    (folder / "diary.csv").write_text("private")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def folders(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in tmp_path.iterdir())


def test_a_folder_is_for_nobody_else_and_is_gone_afterwards(tmp_path: Path) -> None:
    with upload_folder() as folder:
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o077 == 0
        (folder / "diary.csv").write_text("private")
    assert folders(tmp_path) == []


def test_a_folder_in_use_is_kept_and_one_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen(  # noqa: S603  # our own program
        [sys.executable, "-c", _HOLD_ONE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        theirs = other.stdout.readline().strip()
        assert theirs, "it ended without a folder"
        assert remove_abandoned_folders() == 0
        assert [str(tmp_path / name) for name in folders(tmp_path)] == [theirs]
        other.send_signal(signal.SIGKILL)
    with upload_folder() as ours:
        assert remove_abandoned_folders() == 1
        assert folders(tmp_path) == [ours.name]


def test_a_process_killed_before_it_locked_its_folder_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}early").mkdir()
    assert remove_abandoned_folders() == 1
    assert folders(tmp_path) == []


def test_nothing_else_is_removed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)
    (tmp_path / f"{PREFIX}file").touch()
    (tmp_path / "projectionist-other").mkdir()
    before = folders(tmp_path)
    assert remove_abandoned_folders() == 0
    assert folders(tmp_path) == before
    assert (elsewhere / "precious").exists()


def test_folders_made_while_others_are_removed_are_never_taken_away() -> None:
    stop = threading.Event()

    def keep_removing() -> None:
        while not stop.is_set():
            remove_abandoned_folders()

    remover = threading.Thread(target=keep_removing)
    remover.start()
    try:
        for _ in range(300):
            with upload_folder() as folder:
                (folder / "diary.csv").write_text("private")
                assert (folder / "diary.csv").exists()
    finally:
        stop.set()
        remover.join()
