"""How the time to read a list grows with the list, for every family of hostile lists.

Each family is read at a size and at twice the size, in processor seconds, the best of the repeats;
twice the list may take 2.5 times as long. Where both take less than `SURE` nothing is told of the
growth: that is the noise of the machine.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from api_service.lists.model import ListRefused, ListTooCostly, UploadedFile
from api_service.lists.reading import read_lists
from benchmarks.figures import Figure, table
from benchmarks.hostile_lists import FAMILIES

if TYPE_CHECKING:
    from benchmarks.hostile_lists import Family

REACH = 2.5
SURE = 0.05
"""Processor seconds."""
_MOST_FILMS = 10**7
_MOST_BYTES = 1 << 30
_MEBIBYTE = 1 << 20


def main() -> None:
    """Read each family, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parse_growth", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="and twice as many")
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} from elsewhere", flush=True)
    print(table(measure(options.rows, options.repeats)), flush=True)


def measure(rows: int, repeats: int) -> list[Figure]:
    """A figure for each family."""
    return [_grown(name, family, rows, repeats) for name, family in FAMILIES.items()]


def _grown(name: str, family: Family, rows: int, repeats: int) -> Figure:
    once, _, _ = _timed(family, rows, repeats)
    twice, size, outcome = _timed(family, 2 * rows, repeats)
    growth = twice / once
    measured = f"{once:.3f} to {twice:.3f} s, {size / _MEBIBYTE:.1f} MiB, {outcome}"
    if max(once, twice) < SURE:
        return Figure(name, measured)
    return Figure(name, f"{growth:.1f} times: {measured}", f"<= {REACH} times", growth <= REACH)


def _timed(family: Family, rows: int, repeats: int) -> tuple[float, int, str]:
    """Processor seconds, bytes and outcome of the best of some reads."""
    files = family(rows)
    best = float("inf")
    for _ in range(repeats):
        with TemporaryDirectory(prefix="benchmark-") as name:
            folder = Path(name)
            uploaded = []
            for number, (file_name, content) in enumerate(files.items()):
                path = folder / f"upload-{number}"
                path.write_bytes(content)
                uploaded.append(UploadedFile(file_name, path))
            start = time.process_time()
            try:
                read_lists(uploaded, max_movies=_MOST_FILMS, max_bytes=_MOST_BYTES, folder=folder)
                outcome = "read"
            except ListRefused as refusal:
                outcome = refusal.reason.value
            except ListTooCostly as refusal:
                outcome = refusal.limit.value
            best = min(best, time.process_time() - start)
    return best, sum(map(len, files.values())), outcome


if __name__ == "__main__":
    main()
