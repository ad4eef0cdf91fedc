"""What tests of the processes that read uploads share: uploads, and one whose reader waits."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import psutil

from api_service.lists.model import ReadResult, UploadedFile
from api_service.uploads.parser_pool import ParserPool, PoolLimits

if TYPE_CHECKING:
    from pathlib import Path


def workers(of: psutil.Process | None = None) -> list[psutil.Process]:
    """The worker processes; the standard library's resource tracker is none."""
    found = []
    for child in (of or psutil.Process()).children():
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def upload(folder: Path, content: str) -> list[UploadedFile]:
    path = folder / "upload"
    path.write_text(content)
    return [UploadedFile("list.csv", path)]


class Pipe:
    """An upload whose reader waits, because nothing is ever written into it."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "pipe"
        os.mkfifo(self._path)
        self.files = [UploadedFile("list.csv", self._path)]

    async def until_read(self) -> int:
        """Wait until a worker has opened it; the descriptor keeps that worker waiting."""
        async with asyncio.timeout(60):
            while True:
                try:
                    return os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
                except OSError:  # nobody reads yet
                    await asyncio.sleep(0.01)

    def become(self, content: str) -> None:
        """Turn into an ordinary file for whoever opens it next."""
        other = self._path.with_suffix(".new")
        other.write_text(content)
        other.replace(self._path)


def alone(**limits: float) -> ParserPool:
    """A pool with one process."""
    return ParserPool(0, PoolLimits(**limits))  # type: ignore[arg-type]  # whole numbers are floats


async def read(
    pool: ParserPool, files: list[UploadedFile], folder: Path, max_bytes: int = 1_000_000
) -> ReadResult:
    return await pool.read(files, max_movies=1000, max_bytes=max_bytes, folder=folder)
