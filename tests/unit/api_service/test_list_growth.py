"""Reading twice as much takes twice the work, however a list is made; work is counted, not timed.

What is counted are calls, of Python and of C functions, and the characters written. What a single
call may do with a long text or list is not seen here: `benchmarks/parse_growth.py` times it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from api_service.lists.model import ListRefused, ListTooCostly, UploadedFile
from api_service.lists.reading import read_lists
from benchmarks.hostile_lists import FAMILIES

if TYPE_CHECKING:
    from types import FrameType

    from benchmarks.hostile_lists import Family, Files

MOST_GROWTH = 2.5
ROWS = 1_500


class Work(NamedTuple):
    """What one read took."""

    calls: int
    written: int


def forget() -> None:
    """Empty every cache of cells and names, so that no list profits from another."""
    for name, module in list(sys.modules.items()):
        if name.startswith("api_service.lists."):
            for member in vars(module).values():
                if hasattr(member, "cache_clear"):
                    member.cache_clear()


def work(files: Files) -> Work:
    """Read an upload, or have it refused, and count."""
    forget()
    calls = 0

    def count(_: FrameType, event: str, __: Any) -> None:  # noqa: ANN401  # as sys wants it
        nonlocal calls
        calls += event in {"call", "c_call"}

    with TemporaryDirectory() as name:
        folder = Path(name)
        uploaded = []
        for number, (file_name, content) in enumerate(files.items()):
            path = folder / f"upload-{number}"
            path.write_bytes(content)
            uploaded.append(UploadedFile(file_name, path))
        sys.setprofile(count)
        try:
            read_lists(uploaded, max_movies=10**6, max_bytes=10**9, folder=folder)
        except (ListRefused, ListTooCostly):
            pass
        finally:
            sys.setprofile(None)
        outputs = (folder / "movies.csv", folder / "report.json")
        return Work(calls, sum(path.stat().st_size for path in outputs if path.exists()))


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())
def test_twice_the_list_is_twice_the_work(family: Family) -> None:
    work(family(10))  # what is imported and compiled at first is no work of the list's
    once, twice = work(family(ROWS)), work(family(2 * ROWS))
    assert twice.calls <= MOST_GROWTH * once.calls
    assert twice.written <= MOST_GROWTH * once.written + 1_000
