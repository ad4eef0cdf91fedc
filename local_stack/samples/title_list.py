"""The simplest list: a CSV of titles and years."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from local_stack.tmdb.film import Film


def write_title_list(path: Path, films: Iterable[Film]) -> int:
    """Write `Title,Year`, one film a row, with a blank year if unknown.

    Returns:
        The number of films written.
    """
    rows = [(film.title, film.year) for film in films]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("Title", "Year"))
        writer.writerows(rows)
    return len(rows)
