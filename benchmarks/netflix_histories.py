"""Episodes and films told apart in a folder of Netflix histories, beside labels made by hand.

The folder holds `ViewingHistory.csv` and `ViewingActivity.csv` files under any names, and
`labels.tsv`: a title and, after a tab, `E` for an episode, `F` for a film or anything else for what
is not counted. Each distinct title counts once a file. Brackets behind an episode, such as
`(Episode 4)`, can be taken away, to see what is told without them.

    python -m benchmarks.netflix_histories FOLDER [--without-brackets]
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from api_service.lists.files.text import field_limit, inspect_text
from api_service.lists.formats import recognise
from api_service.lists.formats.netflix_evidence import History
from api_service.lists.model import Column, Layout, ListRefused, UploadedFile
from api_service.lists.report import Budget, FileJournal
from api_service.lists.values.cells import read_title
from api_service.lists.values.dates import date_reader, find_order
from api_service.lists.values.title_types import not_a_film
from benchmarks.figures import PERCENT, Figure, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MISSED = 2
"""Per cent of the episodes that may be taken for films."""
LOST = 1
"""Per cent of the films that may be set aside."""
_MOST_ROWS = 1_000_000
_BRACKETS = re.compile(r" ?\([^()]*[0-9][^()]*\)$")


def main() -> None:
    """Judge each history, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.netflix_histories")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--without-brackets", action="store_true")
    options = parser.parse_args()
    with (options.folder / "labels.tsv").open(encoding="utf-8", newline="") as file:
        labels = dict(csv.reader(file, delimiter="\t"))
    figures, total = [], Counter[tuple[str, bool]]()
    with field_limit():
        for path in sorted(options.folder.glob("*.csv")):
            counts = judge(path, labels, without_brackets=options.without_brackets)
            total += counts
            if counts:
                figures.append(Figure(path.name[:60], _said(counts)))
    print(table([*figures, *_reached(total)]), flush=True)


def judge(
    path: Path, labels: Mapping[str, str], *, without_brackets: bool
) -> Counter[tuple[str, bool]]:
    """Count the distinct titles of a file by their label and whether they are set aside."""
    history, days, known = History(), list[str](), dict[str, str]()
    for title, day in _viewings(path):
        label = labels.get(title)
        days.append(day)
        if label is not None:
            plain = read_title(title)
            if without_brackets and label == "E":
                plain = _BRACKETS.sub("", plain)
            known[plain] = label
            history.add(plain, day)
    verdicts = history.judge(date_reader(find_order(days)))
    return Counter(
        (label, verdicts.not_a_film(title) is not None)
        for title, label in known.items()
        if label in {"E", "F"}
    )


def _viewings(path: Path) -> Iterator[tuple[str, str]]:
    """Titles and days of a file that is a history, without trailers; as they are written."""
    try:
        rows, layout = recognise(inspect_text(UploadedFile(path.name, path)), _MOST_ROWS)
    except ListRefused:
        return
    if not isinstance(layout, Layout) or layout.format != "netflix":
        return
    title, day = layout.columns[Column.TITLE], layout.columns[Column.WATCH_DATE]
    kind = layout.columns.get(Column.TYPE)
    journal = FileJournal(path.name, Budget(rows=_MOST_ROWS))
    for number, (_, row) in enumerate(rows.records(journal)):
        is_row = number > layout.header and max(title, day) < len(row)
        if is_row and not (kind is not None and kind < len(row) and not_a_film(row[kind])):
            yield " ".join(row[title].split()), row[day]


def _said(counts: Counter[tuple[str, bool]]) -> str:
    episodes = counts["E", True] + counts["E", False]
    films = counts["F", True] + counts["F", False]
    return (
        f"{counts['E', False]:,} of {episodes:,} episodes taken for films; "
        f"{counts['F', True]:,} of {films:,} films set aside"
    )


def _reached(counts: Counter[tuple[str, bool]]) -> list[Figure]:
    episodes = counts["E", True] + counts["E", False]
    films = counts["F", True] + counts["F", False]
    missed = PERCENT * counts["E", False] / max(episodes, 1)
    lost = PERCENT * counts["F", True] / max(films, 1)
    read = counts["E", False] + counts["F", False]
    return [
        Figure("all of them", _said(counts)),
        Figure("episodes taken for films", f"{missed:.2f} %", f"<= {MISSED} %", missed <= MISSED),
        Figure("films set aside", f"{lost:.2f} %", f"<= {LOST} %", lost <= LOST),
        Figure(
            "episodes among what is read", f"{PERCENT * counts['E', False] / max(read, 1):.2f} %"
        ),
    ]


if __name__ == "__main__":
    main()
