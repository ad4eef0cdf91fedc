"""A limit of the kernel on the memory of processes, as a container has one."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = Path("/sys/fs/cgroup")
_LEAVE_SECONDS = 10.0


class MemoryLimit:
    """A control group: what its processes take together, files in a `tmpfs` among it, is bounded.

    One that exceeds the limit is killed, as in a container.
    """

    def __init__(self, folder: Path, *, is_unified: bool) -> None:
        self._folder = folder
        self._is_unified = is_unified

    def add(self, pid: int) -> None:
        """Bound a process and its children, those that it starts later too."""
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            (self._folder / "cgroup.procs").write_text(f"{each.pid}")

    @property
    def kills(self) -> int:
        """How many processes the kernel has ended for it."""
        name = "memory.events" if self._is_unified else "memory.oom_control"
        fields = dict(line.split() for line in (self._folder / name).read_text().splitlines())
        return int(fields.get("oom_kill", 0))

    @property
    def peak(self) -> int:
        """The most bytes that there were."""
        name = "memory.peak" if self._is_unified else "memory.max_usage_in_bytes"
        return int((self._folder / name).read_text())


@contextmanager
def memory_limit(size: int) -> Iterator[MemoryLimit]:
    """Make a group with this limit in bytes.

    Raises:
        OSError: this user may not, or the machine has no such groups.
    """
    is_unified = (_ROOT / "cgroup.controllers").exists()
    parent = _ROOT if is_unified else _ROOT / "memory"
    folder = parent / f"projectionist-{uuid4().hex[:8]}"
    folder.mkdir()
    try:
        name = "memory.max" if is_unified else "memory.limit_in_bytes"
        (folder / name).write_text(f"{size}")
        yield MemoryLimit(folder, is_unified=is_unified)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the group once its processes have ended."""
    end = time.monotonic() + _LEAVE_SECONDS
    while True:
        try:
            folder.rmdir()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return
