"""A folder for each upload under way, and the way by which a killed API's folders are found.

Each holds a lock file, locked as long as its process lives: several APIs may share the machine, and
whoever starts removes what is no longer locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "projectionist-upload-"
LOCK_FILE = "lock"


@contextlib.contextmanager
def upload_folder() -> Iterator[Path]:
    """A new folder for one upload's files; it is removed afterwards.

    Raises:
        OSError: there is no room for it.
    """
    folder, lock = _make()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # what stays is swept later, for it is not locked
        os.close(lock)


def remove_abandoned_folders() -> int:
    """Remove the folders of uploads whose API is gone; how many there were."""
    removed = 0
    try:
        folders = list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))
    except OSError:  # there is no place for them at all, which the first upload will say
        return 0
    for folder in folders:
        # Another user's folder is not ours to open.
        with contextlib.suppress(OSError):
            lock = _locked(folder)
            if lock is None:
                continue
            try:
                shutil.rmtree(folder, ignore_errors=True)
                removed += not folder.exists()
            finally:
                os.close(lock)
    return removed


def _make() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            lock = _locked(folder)
        except FileNotFoundError:
            continue  # an API that starts has taken it for abandoned, before it was locked
        except OSError:
            # It is empty, and this takes no open file, of which there may be none left.
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise
        if lock is None:
            continue
        if _is_in_place(folder, lock):
            return folder, lock
        os.close(lock)


def _locked(folder: Path) -> int | None:
    """Lock a folder; None when somebody else has."""
    lock = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except BaseException:
        os.close(lock)
        raise
    return lock


def _is_in_place(folder: Path, lock: int) -> bool:
    """Whether the lock is that of the folder, and not of one that was removed meanwhile."""
    try:
        there = (folder / LOCK_FILE).stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(lock))
