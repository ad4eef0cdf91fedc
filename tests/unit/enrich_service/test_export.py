"""The daily export: what is read of it, what is refused, and which of its films are worth a row."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from enrich_service.title_index.exported_films import ExportedFilms, name_hash
from enrich_service.tmdb import export
from enrich_service.tmdb.export import ExportedFilm, ExportError, ExportReader, export_path
from local_stack.tmdb.exports import ExportLine, export_of

if TYPE_CHECKING:
    from collections.abc import Iterable

HEAT = '{"adult":false,"id":949,"original_title":"Heat","popularity":63.2,"video":false}'
FILMS = [ExportLine(number, f"Film {number}", number / 8) for number in range(1, 5_001)]


def read(data: bytes, chunk: int = 1_000) -> list[ExportedFilm]:
    reader = ExportReader()
    starts = range(0, len(data), chunk)
    films = [film for start in starts for part in reader.read(data[start : start + chunk])
             for film in part]  # fmt: skip
    reader.close()
    return films


def exported(films: Iterable[ExportLine]) -> ExportedFilms:
    gathered = ExportedFilms()
    gathered.add(ExportedFilm(*film[:3], is_video=film.video) for film in films)
    return gathered


def test_path_is_that_of_the_day() -> None:
    day = dt.date(2026, 3, 9)
    assert export_path(day) == "/p/exports/movie_ids_03_09_2026.json.gz"


@pytest.mark.parametrize("chunk", [1, 97, 10**6])
def test_films_are_read_however_the_bytes_arrive(chunk: int) -> None:
    films = read(export_of(FILMS[:300]), chunk)
    assert films == [ExportedFilm(*line[:3]) for line in FILMS[:300]]


@pytest.mark.parametrize(
    ("line", "film"),
    [
        (HEAT, ExportedFilm(949, "Heat", 63.2)),
        (
            HEAT.replace('"adult":false', '"adult":true'),
            ExportedFilm(949, "Heat", 63.2, is_adult=True),
        ),
        (
            HEAT.replace('"video":false', '"video":true'),
            ExportedFilm(949, "Heat", 63.2, is_video=True),
        ),
        (HEAT.replace("63.2", "null"), ExportedFilm(949, "Heat", 0.0)),
        (HEAT.replace("63.2", "1e999"), ExportedFilm(949, "Heat", 0.0)),
        (HEAT.replace("949", "99999999999"), None),
        (HEAT.replace("949", "-1"), None),
        (HEAT.replace("949", "true"), None),
        (HEAT.replace('"Heat"', "null"), None),
        (HEAT[:30], None),
        ("[]", None),
        ("", None),
    ],
)
def test_line_is_read_or_left_out_alone(line: str, film: ExportedFilm | None) -> None:
    told = read(gzip.compress(f"{line}\n{HEAT}\n".encode()))
    assert told == [*([film] if film else []), ExportedFilm(949, "Heat", 63.2)]


@pytest.mark.parametrize(
    ("bound", "data", "said"),
    [
        ({}, b"<html>", "no gzip"),
        ({}, export_of(FILMS[:9])[:-20], "cut short"),
        ({}, b"", "cut short"),
        ({}, gzip.compress(HEAT.encode()), "cut short"),
        ({}, export_of(FILMS[:9]) + export_of(FILMS[9:18]), "after its end"),
        ({}, export_of(FILMS) + b"\n", "after its end"),
        ({}, gzip.compress(b'{"id":1,"original_title":"' + b"x" * 5_000), "4096 bytes"),
        ({}, gzip.compress(b" " * 5_000 + b"\n"), "4096 bytes"),
        ({"MOST_COMPRESSED": 900}, export_of(FILMS), "larger than 900"),
        ({"MOST_UNPACKED": 40_000}, gzip.compress(b"{}\n" * 20_000), "more than 40000"),
    ],
    ids=range(10),
)
def test_what_is_no_whole_export_of_bearable_size_is_refused(
    monkeypatch: pytest.MonkeyPatch, bound: dict[str, int], data: bytes, said: str
) -> None:
    for name, value in bound.items():
        monkeypatch.setattr(export, name, value)
    with pytest.raises(ExportError, match=said):
        read(data)


def test_names_are_alike_but_for_case_and_white_space() -> None:
    assert name_hash("The  Matrix ") == name_hash("the matrix")
    assert name_hash("WALL·E") != name_hash("Wall-E")
    assert name_hash("\ud800") != name_hash("\ud801"), "half a character is one, too"


def test_parts_cover_all_names_and_keep_each_whole() -> None:
    films = [*FILMS, ExportLine(9_001, "film 5000", 0.0), ExportLine(9_002, "FILM 1", 0.0)]
    parts = list(exported(films).parts(most_popular=500))

    assert (parts[0].lowest, parts[-1].highest) == (0, 2**40 - 1)
    assert all(one.highest + 1 == two.lowest for one, two in pairwise(parts))
    for part in parts:
        rows = list(zip(part.names, part.tmdb_ids, strict=True))
        assert rows == sorted(rows)
        assert all(part.lowest <= name <= part.highest for name in part.names)
    stored = {tmdb_id for part in parts for tmdb_id in part.tmdb_ids}
    assert {5_000, 9_001} <= stored, "a popular film, and its namesake that nobody knows"
    assert not {1, 9_002} & stored
    assert 500 <= len(stored) < 600


def test_videos_are_namesakes_and_do_not_rank() -> None:
    videos = [ExportLine(9_000 + number, "Trailer", 900.0, video=True) for number in range(500)]
    films = exported([*FILMS, *videos, ExportLine(8_000, "Film 5000", 0.1, video=True)])
    stored = {tmdb_id for part in films.parts(most_popular=500) for tmdb_id in part.tmdb_ids}
    assert {8_000, 4_600, 5_000} <= stored
    assert 1 not in stored


def test_ids_are_remembered_also_of_adult_films() -> None:
    films = exported(FILMS[:100])
    films.add(ExportedFilm(tmdb_id, "x", 0.0, is_adult=True) for tmdb_id in (200, 2**31 - 1))

    assert films.has(1)
    assert films.has(200)
    assert not films.has(150)
    assert films.has(10_000), "it may be newer than the export"
    assert films.count == 100


def test_export_line_is_tmdbs() -> None:
    line = json.loads(gzip.decompress(export_of(FILMS[7:8])))
    assert line == {
        "adult": False, "id": 8, "original_title": "Film 8", "popularity": 1.0, "video": False
    }  # fmt: skip
