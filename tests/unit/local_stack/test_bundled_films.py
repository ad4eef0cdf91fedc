"""The bundled films: every line is a film, no two are one, and broken lines are refused loudly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from local_stack.tmdb.film import FIRST_MADE_UP_ID, FilmDataError, load_films

if TYPE_CHECKING:
    from pathlib import Path

GOOD = {
    "id": 11,
    "imdb_id": "tt0000011",
    "title": "Steam",
    "original_title": "Dampf",
    "release_date": "1931-02-03",
    "genres": ["Drama"],
    "runtime": 71,
    "countries": ["DE"],
    "language": "de",
    "directors": ["Ada Abel"],
    "cast": ["Bruno Quist"],
    "vote_count": 9,
    "vote_average": 7,
    "overview": "A locomotive waits.",
}


def written(folder: Path, name: str, *lines: dict[str, object] | str) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    (folder / name).write_text(text + "\n", encoding="utf-8")
    return folder


def test_real_films_have_a_date_a_runtime_a_director_and_five_in_the_cast() -> None:
    lacking = [
        film.title
        for film in load_films()
        if film.id < FIRST_MADE_UP_ID
        and not (film.release_date and film.runtime and film.directors and len(film.cast) >= 5)
    ]
    assert lacking == []


def test_files_are_read_in_name_order_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    written(tmp_path, "b.jsonl", {**GOOD, "id": 2, "imdb_id": None})
    written(tmp_path, "a.jsonl", {**GOOD, "id": 1}, "", {**GOOD, "id": 3, "imdb_id": None})
    assert [film.id for film in load_films(tmp_path)] == [1, 3, 2]


@pytest.mark.parametrize("key", ["id", "imdb_id"])
def test_an_id_that_stands_twice_is_refused_with_both_places(tmp_path: Path, key: str) -> None:
    other = {**GOOD, "id": 12, "imdb_id": "tt0000012"}
    written(tmp_path, "a.jsonl", {**GOOD, "id": 5, "imdb_id": None}, GOOD)
    written(tmp_path, "b.jsonl", {**other, key: GOOD[key]})
    with pytest.raises(FilmDataError, match=r"b\.jsonl, line 1: .*stands at a\.jsonl, line 2"):
        load_films(tmp_path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": 0}, "id"),
        ({"id": "11"}, "id"),
        ({"imdb_id": "11"}, "imdb_id"),
        ({"title": " "}, "title"),
        ({"release_date": "1931-02-30"}, "release_date"),
        ({"release_date": "1931"}, "release_date"),
        ({"genres": ["Sci-Fi"]}, "TMDB's genres"),
        ({"countries": ["Germany"]}, "ISO 3166-1"),
        ({"language": "German"}, "ISO 639-1"),
        ({"runtime": -1}, "runtime"),
        ({"vote_average": 11}, "vote_average"),
        ({"directer": ["A"]}, "directer"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_name(
    tmp_path: Path, change: dict[str, object], reason: str
) -> None:
    written(tmp_path, "a.jsonl", {**GOOD, **change})
    with pytest.raises(FilmDataError, match=rf"a\.jsonl, line 1: .*{reason}"):
        load_films(tmp_path)


def test_a_line_that_is_no_json_is_refused_with_its_place(tmp_path: Path) -> None:
    written(tmp_path, "a.jsonl", GOOD, "{broken")
    with pytest.raises(FilmDataError, match=r"a\.jsonl, line 2: line: Invalid JSON"):
        load_films(tmp_path)
