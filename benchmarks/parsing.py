"""How fast lists are read: 100,000 rows of each form, from the file to sightings and to films.

To sightings is from the file on disk to one sighting a row: looked through for its encoding,
recognised, surveyed where only the whole file tells, every cell read; streaming, so that no row is
kept. To films is the same file through the whole of `read_lists`: merged, and written for COPY with
its report. Seconds are of processor time, so that a busy machine changes little; to sightings it is
the best of the repeats.
"""

from __future__ import annotations

import argparse
import os
import time
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from api_service.lists.files.tables import ListFile
from api_service.lists.files.text import field_limit, inspect_text
from api_service.lists.formats import recognise
from api_service.lists.formats.movielens import join
from api_service.lists.model import Layout, UploadedFile
from api_service.lists.reading import read_lists
from api_service.lists.report import Budget, FileJournal
from api_service.lists.rows.rows import RowReader
from api_service.lists.rows.survey import settle
from benchmarks.figures import Figure, table
from benchmarks.list_forms import FORMS
from benchmarks.markup_forms import MARKUP_FORMS

if TYPE_CHECKING:
    from collections.abc import Sequence

REACH = 150_000
"""Rows a second of every CSV form."""

_MOST = 1 << 30
_KIB = 1024


class ParsingError(RuntimeError):
    """A file was not read as what it is."""


def main() -> None:
    """Write each form, read it, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parsing", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} from elsewhere", flush=True)
    with TemporaryDirectory(prefix="benchmark-") as name:
        print(table(measure(Path(name), options.rows, options.repeats)), flush=True)


def measure(folder: Path, rows: int, repeats: int) -> list[Figure]:
    """A figure for each form, and one for the memory that streaming takes.

    Markup is made a table as a whole before it is read, so that only films are counted.
    """
    figures = []
    for form in FORMS:
        files = form.write(folder, rows)
        sightings = min(_timed_rows(files, rows, form.format) for _ in range(repeats))
        films = _timed_films(files, folder)
        speed = rows / sightings
        measured = f"{speed:,.0f} rows/s to sightings; {rows / films:,.0f} to films"
        if form.is_csv:
            figures.append(Figure(form.name, measured, f">= {REACH:,} rows/s", speed >= REACH))
        else:
            figures.append(Figure(form.name, measured))
    for markup in MARKUP_FORMS:
        files = markup.write(folder, rows)
        speed = rows / _timed_films(files, folder, markup.format)
        size = files[0].path.stat().st_size / rows
        figures.append(Figure(markup.name, f"{speed:,.0f} to films, {size:,.0f} bytes a row"))
    files = FORMS[0].write(folder, rows)
    tracemalloc.start()
    _timed_rows(files, rows, FORMS[0].format)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    size = files[0].path.stat().st_size
    figures.append(
        Figure(
            "memory while rows stream",
            f"{peak // _KIB:,} KiB at most, of a file of {size // _KIB:,} KiB",
        )
    )
    return figures


def _timed_rows(files: Sequence[UploadedFile], rows: int, name: str) -> float:
    start = time.process_time()
    budget = Budget(rows=_MOST)
    with field_limit():
        lists = []
        for file in files:
            found, layout = recognise(inspect_text(file), _MOST)
            if isinstance(layout, Layout):
                lists.append(ListFile(found, settle(found, layout, _MOST)))
        item = join(lists, budget)[0][0]
        journal = FileJournal(item.name, budget, item.layout.format)
        count = sum(1 for _ in RowReader(item.layout, journal).read(item.table.records(journal)))
    seconds = time.process_time() - start
    if item.layout.format != name or count + journal.aside_count != rows or journal.notes_count:
        raise ParsingError(f"{name}: {item.layout.format}, {count} rows, {journal.notes[:1]}")
    return seconds


def _timed_films(files: Sequence[UploadedFile], folder: Path, name: str | None = None) -> float:
    start = time.process_time()
    with TemporaryDirectory(dir=folder) as output:
        result = read_lists(files, max_movies=_MOST, max_bytes=_MOST, folder=Path(output))
    seconds = time.process_time() - start
    (found, *_) = result.summary["files"]
    if name and (found["format"] != name or result.summary["notes_count"]):
        raise ParsingError(f"{name}: {found['format']}, {result.summary['notes'][:1]}")
    return seconds


if __name__ == "__main__":
    main()
