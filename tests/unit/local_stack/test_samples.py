"""Sample lists: true to Letterboxd's forms, and with the numbers that their summary tells."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from local_stack.samples.default_sample import MISSING, WATCHLIST, write_default_sample
from local_stack.samples.letterboxd import SampleSummary, write_letterboxd_export
from local_stack.samples.title_list import write_title_list
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.film import load_films
from local_stack.tmdb.generator import generate_films

if TYPE_CHECKING:
    from pathlib import Path

FILMS = generate_films(420, 3)
FILES = {
    "diary.csv",
    "likes/films.csv",
    "lists/favourites.csv",
    "lists/films-one-day.csv",
    "profile.csv",
    "ratings.csv",
    "reviews.csv",
    "watched.csv",
    "watchlist.csv",
}


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode())))


def listed(path: Path) -> list[dict[str, str]]:
    _, _, body = path.read_bytes().decode().partition("\r\n\r\n")
    return list(csv.DictReader(io.StringIO(body)))


@pytest.fixture(name="export", scope="module")
def _export(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SampleSummary]:
    folder = tmp_path_factory.mktemp("letterboxd") / "new" / "folder"
    summary = write_letterboxd_export(
        folder, FILMS[:400], seed=1, watchlist=FILMS[400:415], listed=FILMS[415:]
    )
    return folder, summary


Export = tuple["Path", SampleSummary]


def test_an_export_has_every_file_of_a_true_one(export: Export) -> None:
    folder, _ = export
    paths = {path.relative_to(folder).as_posix() for path in folder.rglob("*.csv")}
    assert paths == FILES


def test_the_summary_tells_the_true_numbers(export: Export) -> None:
    folder, summary = export
    watched = {row["Letterboxd URI"] for row in rows(folder / "watched.csv")}
    watchlist = {row["Letterboxd URI"] for row in rows(folder / "watchlist.csv")}
    on_lists = {row["URL"] for path in (folder / "lists").glob("*.csv") for row in listed(path)}
    assert summary == SampleSummary(
        films=len(watched | watchlist | on_lists),
        watched=len(watched),
        watchlist_only=len(watchlist - watched),
        list_only=len(on_lists - watched - watchlist),
        missing=3,
        viewings=len(rows(folder / "diary.csv")),
        reviews=len(rows(folder / "reviews.csv")),
        rated=len(rows(folder / "ratings.csv")),
        liked=len(rows(folder / "likes" / "films.csv")),
    )
    assert (summary.films, summary.watched, summary.watchlist_only) == (423, 403, 15)
    assert summary.list_only == 5


def test_diary_and_reviews_carry_addresses_of_entries_and_never_of_films(export: Export) -> None:
    folder, _ = export
    films = {row["Letterboxd URI"] for name in FILM_FILES for row in rows(folder / name)}
    entries = [row["Letterboxd URI"] for row in rows(folder / "diary.csv")]
    reviews = {row["Letterboxd URI"] for row in rows(folder / "reviews.csv")}
    assert len(set(entries)) == len(entries)
    assert films.isdisjoint(entries)
    assert reviews <= set(entries)
    assert all(re.fullmatch(r"https://boxd\.it/[a-zA-Z0-9]+", each) for each in (*films, *entries))


FILM_FILES = ("watched.csv", "watchlist.csv", "ratings.csv", "likes/films.csv")


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_letterboxd_export(tmp_path / name, FILMS[:30], seed=9)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_more_missing_films_than_there_are_made_up_titles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only 8 made-up titles, not 9"):
        write_letterboxd_export(tmp_path, [], seed=1, missing=9)


def test_a_film_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="given twice"):
        write_letterboxd_export(tmp_path, FILMS[:2], seed=1, watchlist=FILMS[1:3])


def test_the_default_sample_is_sixty_films_and_a_watchlist(tmp_path: Path) -> None:
    summary = write_default_sample(tmp_path)
    assert (summary.watched, summary.watchlist_only, summary.missing) == (60, WATCHLIST, MISSING)
    catalogue = Catalogue(load_films())
    known = [
        len(catalogue.exactly_titled(row["Name"], int(row["Year"])))
        for row in rows(tmp_path / "watched.csv")
    ]
    assert (known.count(1), known.count(0)) == (60 - MISSING, MISSING)


@pytest.mark.parametrize("films", [2, 1_000_000])
def test_an_impossible_sample_is_refused_with_what_is_possible(tmp_path: Path, films: int) -> None:
    with pytest.raises(ValueError, match=rf"films={films}: choose from 3 to \d+"):
        write_default_sample(tmp_path, films=films)


def test_the_command_writes_an_export_and_tells_its_numbers(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local_stack.samples", str(tmp_path), "--films", "10"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own module
    assert json.loads(ended.stdout)["watched"] == 10
    assert len(rows(tmp_path / "watched.csv")) == 10


def test_a_title_list_holds_every_film_and_blank_years(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    assert write_title_list(path, FILMS) == len(FILMS)
    assert path.read_bytes().startswith(b"Title,Year\r\n")
    assert [(row["Title"], row["Year"]) for row in rows(path)] == [
        (film.title, str(film.year or "")) for film in FILMS
    ]
    assert any(row["Year"] == "" for row in rows(path))


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "local_stack.samples", str(tmp_path), "--films", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    assert ended.returncode == 2
    assert "choose from 3 to" in ended.stderr
