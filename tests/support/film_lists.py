"""Films of the stand-in's catalogue, and lists of them as a user uploads them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import aiohttp

from local_stack.tmdb.film import FIRST_MADE_UP_ID, load_films
from local_stack.tmdb.generator import FIRST_ID, generate_films

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from local_stack.tmdb.film import Film

MADE_UP = 5000
"""Films that `made_up_films` supposes the stand-in to generate."""
_KNOWN_TO_MANY = 50


def plain_films(count: int) -> list[Film]:
    """Bundled films that anybody finds, each the only one of its title and year."""
    films = [film for film in _plain(load_films()) if film.id < FIRST_MADE_UP_ID]
    assert len(films) >= count
    return films[:count]


def made_up_films() -> list[Film]:
    """Films just as plain, well over two thousand, of a stand-in that makes `MADE_UP` up."""
    everything = [*load_films(), *generate_films(MADE_UP, seed=1)]
    return [film for film in _plain(everything) if FIRST_ID <= film.id < FIRST_MADE_UP_ID]


def _plain(films: Iterable[Film]) -> list[Film]:
    alike: dict[tuple[str, int | None], list[Film]] = {}
    for film in films:
        alike.setdefault((film.title.casefold(), film.year), []).append(film)
    return [
        film
        for (film, *others) in alike.values()
        if not others and film.year and film.vote_count >= _KNOWN_TO_MANY
    ]


def title_list(films: Iterable[Film]) -> bytes:
    """A plain list of these films, to be uploaded."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("Title", "Year"))
    rows.writerows((film.title, film.year) for film in films)
    return text.getvalue().encode()


def folder_form(folder: Path) -> aiohttp.FormData:
    """Every CSV file below a folder in one form, each under its path there."""
    form = aiohttp.FormData(quote_fields=False)
    for path in sorted(folder.rglob("*.csv")):
        name = path.relative_to(folder).as_posix()
        form.add_field("files", path.read_bytes(), filename=name, content_type="text/csv")
    return form


def as_file(content: bytes | str) -> io.BytesIO:
    """Return content as an open file."""
    return io.BytesIO(content.encode() if isinstance(content, str) else content)
