"""Whether every row and column of real exports is accounted for, counted apart from the reader.

Reads each file of a folder, and of its folders, as an upload of its own. Rows are counted with
nothing but the csv and json modules. A row is a film's, or merged, or rejected, or set aside; the
columns that are not read, and look as if they told something, are counted.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api_service.lists.files.text import field_limit
from api_service.lists.model import ListRefused, ListTooCostly, UploadedFile
from api_service.lists.reading import REPORT_FILE, read_lists
from benchmarks.figures import Figure, table

_MOST = 1 << 30


def main() -> None:
    """Read the exports of a folder, and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.public_exports", description=__doc__
    )
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    print(table(count(options.folder)), flush=True)


def count(folder: Path) -> list[Figure]:
    """A figure for each file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [_counted(path, str(path.relative_to(folder))) for path in files]


def _counted(path: Path, name: str) -> Figure:
    with TemporaryDirectory(prefix="benchmark-") as output:
        try:
            read_lists(
                [UploadedFile(name, path)], max_movies=_MOST, max_bytes=_MOST, folder=Path(output)
            )
        except (ListRefused, ListTooCostly) as refusal:
            return Figure(name, f"refused: {refusal.message[:90]}")
        report = json.loads((Path(output) / REPORT_FILE).read_text("utf-8"))
    rows = sum(file["rows"] for file in report["files"])
    counted = _rows(path)
    unread = {entry["column"] for file in report["files"] for entry in file.get("unread", ())}
    codes = Counter(issue["code"] for kind in ("set_aside", "notes") for issue in report[kind])
    told = ", ".join(f"{code} {number}" for code, number in codes.most_common(4))
    measured = (
        f"{report['files'][0]['format']}: {rows} rows, {report['total_movies']} films, "
        f"{report['watched']} seen, {report['watchlist_only']} planned, "
        f"{report['rejected_count']} rejected, {len(unread)} unread; {told}"
    )
    is_sum = report["rows_read"] == (
        report["total_movies"]
        + report["rows_merged"]
        + report["rejected_count"]
        + report["set_aside_count"]
    )
    return Figure(name, measured, f"{counted} rows", counted in {rows, None} and is_sum)


def _rows(path: Path) -> int | None:
    """How many rows or items there are; None where another module would have to tell."""
    text = path.read_text("utf-8-sig", "replace")
    if path.suffix.casefold() == ".json":
        return _items(json.loads(text))
    if path.suffix.casefold() not in {".csv", ".tsv"}:
        return None
    with field_limit():
        first = text.split("\n", 1)[0]
        delimiter = max(",;\t", key=first.count)
        rows = [
            row
            for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
            if any(row)
        ]
    header = next((at for at, row in enumerate(rows[:12]) if {"Position", "URL"} <= set(row)), 0)
    return len(rows) - header - 1


def _items(value: Any) -> int:  # noqa: ANN401  # whatever JSON may be
    """The members of the outermost lists of objects."""
    if isinstance(value, list):
        nested = [item.get("entries") for item in value if isinstance(item, dict)]
        lists = [inner for inner in nested if isinstance(inner, list)]
        return sum(map(len, lists)) if lists else len(value)
    if isinstance(value, dict):
        return sum(_items(inner) for inner in value.values() if isinstance(inner, list | dict))
    return 0


if __name__ == "__main__":
    main()
