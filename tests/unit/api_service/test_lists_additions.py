"""More files for a session: merged by the same rules as files of one upload, corrections kept."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.lists.files.spreadsheets import TO_CORRECT, csv_line
from api_service.lists.merging.copying import MOVIE_COLUMNS
from api_service.lists.model import ListRefused, Refusal, SessionFilms, UploadedFile
from api_service.lists.reading import MOVIES_FILE, REPORT_FILE, read_lists
from tests.unit.api_service.test_lists_merging import DIARY, EXPORT, RATINGS, REVIEWS, WATCHED

MARK = "s0123456789ab"
ARRAYS = ("watch_dates", "tags", "lists")
FLAGS = ("watched", "liked", "in_watchlist")


class Session:
    """A session's movies by position, stored as the database does."""

    def __init__(self, files: dict[str, str]) -> None:
        self.movies: dict[int, dict[str, Any]] = {}
        self.found: dict[int, tuple[int | None, str | None]] = {}
        self.last_position = 0
        self.report: dict[str, Any] = {}
        self._read(files, add_to=False)

    def add(self, files: dict[str, str], max_movies: int = 1000) -> None:
        self._read(files, add_to=True, max_movies=max_movies)

    def correct(self, *rows: tuple[object, ...], mark: str = MARK) -> None:
        lines = [csv_line([*map(str, row), *[""] * (7 - len(row)), mark]) for row in rows]
        self.add({"corrected.csv": csv_line(TO_CORRECT) + "".join(lines)})

    def _read(self, files: dict[str, str], *, add_to: bool, max_movies: int = 1000) -> None:
        with TemporaryDirectory() as name:
            folder = Path(name)
            uploaded = []
            for number, (file_name, content) in enumerate(files.items()):
                path = folder / f"upload-{number}"
                path.write_bytes(content.encode())
                uploaded.append(UploadedFile(file_name, path))
            films = folder / "session"
            films.write_text("".join(map(self._line, sorted(self.movies))), encoding="utf-8")
            result = read_lists(
                uploaded,
                max_movies=max_movies,
                max_bytes=1_000_000,
                folder=folder,
                session=SessionFilms(films, MARK, self.last_position) if add_to else None,
            )
            text = (folder / MOVIES_FILE).read_bytes().decode()
            self.report = json.loads((folder / REPORT_FILE).read_text())
        self.changed = []
        for row in csv.reader(text.splitlines(keepends=True)):
            movie: dict[str, Any] = dict(zip(MOVIE_COLUMNS, row, strict=True))
            position = int(movie.pop("position"))
            kept = self.movies.get(position)
            movie["lookup_key"] = movie["lookup_key"] or (kept or {})["lookup_key"]
            self.movies[position] = movie
            self.changed += [position] if kept else []
        added = [position for position in self.movies if position > self.last_position]
        assert added == list(range(self.last_position + 1, self.last_position + 1 + result.added))
        assert len(self.changed) == result.changed
        assert len(self.movies) == result.total_movies
        self.last_position = max(self.movies)

    def _line(self, position: int) -> str:
        movie = self.movies[position]
        arrays = {name: _array(movie[name]) for name in ARRAYS}
        values = [
            position,
            movie["lookup_key"],
            *self.found.get(position, (None, None)),
            movie["title"] or None,
            int(movie["year"]) if movie["year"] else None,
            movie["watched"] == "t",
            movie["rating"] or None,
            arrays["watch_dates"],
            int(movie["rewatches"]),
            movie["liked"] == "t",
            arrays["tags"],
            movie["review"] or None,
            movie["in_watchlist"] == "t",
            arrays["lists"],
            movie["source_url"] or None,
            json.loads(movie["origins"]) if movie["origins"] else None,
        ]
        return json.dumps(values, ensure_ascii=False).replace("\\", "\\\\") + "\n"

    def titles(self) -> list[tuple[str, str, str]]:
        return [(m["title"], m["year"], m["lookup_key"]) for m in self.movies.values()]


def _array(text: str) -> list[str]:
    """A PostgreSQL array literal whose elements hold no quotes."""
    inner = text[1:-1]
    return next(csv.reader([inner]), []) if inner else []


def said(session: Session) -> list[tuple[object, ...]]:
    """What is known of each film, whatever its position; spelling and addresses may differ."""
    return sorted(
        (
            movie["title"].casefold(),
            *(movie[name] for name in ("year", "lookup_key", *FLAGS, "rating", "rewatches")),
            *(movie[name] for name in ("review", "watch_dates")),
            *(sorted(_array(movie[name])) for name in ("tags", "lists")),
        )
        for movie in session.movies.values()
    )


# Without the pair that is told apart by which of two twins was watched: that is known only to
# those who see all files at once.
FILES = {
    name: "".join(
        line for line in content.splitlines(keepends=True) if "Haunted Castle" not in line
    )
    for name, content in EXPORT.items()
}


@given(st.sets(st.sampled_from(list(FILES)), min_size=1, max_size=len(FILES) - 1), st.data())
def test_files_one_after_another_say_what_they_say_together(
    first: set[str], data: st.DataObject
) -> None:
    whole = said(Session(FILES))
    session = Session({name: FILES[name] for name in first})
    rest = data.draw(st.permutations([name for name in FILES if name not in first]))
    middle = data.draw(st.integers(0, len(rest)))
    for names in (rest[:middle], rest[middle:]):
        if names:
            session.add({name: FILES[name] for name in names})
    assert said(session) == whole


@given(st.sets(st.sampled_from(list(EXPORT)), min_size=1))
def test_what_is_there_already_changes_nothing(names: set[str]) -> None:
    session = Session(EXPORT)
    before = dict(session.movies)
    session.add({name: EXPORT[name] for name in names})
    assert session.changed == []
    assert session.movies == before
    assert (session.report["added"], session.report["changed"]) == (0, 0)


def test_new_films_come_after_all_others_and_keep_the_positions_of_these() -> None:
    session = Session({"a.csv": "Title,Year\nHeat,1995\nRan,1985\n"})
    session.add({"watchlist.csv": "Title,Year\nRan,1985\nM,1931\n", "b.csv": "Title\nFargo\n"})
    assert [movie["title"] for movie in session.movies.values()] == ["Heat", "Ran", "Fargo", "M"]
    assert [movie["in_watchlist"] for movie in session.movies.values()] == ["f", "t", "f", "t"]
    assert session.changed == [2]
    assert (session.report["total_movies"], session.report["added"]) == (3, 2)


def test_a_newer_rating_overrules_an_older_one_and_no_older_one_a_newer() -> None:
    session = Session({"ratings.csv": RATINGS + "2020-05-01,Heat,1995,https://boxd.it/h,3\n"})
    session.add({"ratings.csv": RATINGS + "2021-05-01,Heat,1995,https://boxd.it/h,5\n"})
    session.add({"ratings.csv": RATINGS + "2019-05-01,Heat,1995,https://boxd.it/h,1\n"})
    session.add({"diary.csv": DIARY + "2022-05-01,Heat,1995,,2,,,2022-05-01\n"})
    assert session.movies[1]["rating"] == "5"


def test_of_two_lists_without_dates_the_later_upload_is_the_newer() -> None:
    session = Session({"a.csv": "Title,Rating,Review\nHeat,3,Fair\n"})
    session.add({"a.csv": "Title,Rating,Review\nHeat,5,\n"})
    assert (session.movies[1]["rating"], session.movies[1]["review"]) == ("5", "Fair")


def test_a_rewatch_in_two_uploads_is_one() -> None:
    row = "2021-02-01,Heat,1995,https://boxd.it/e2,,Yes,,2021-01-31\n"
    session = Session({"diary.csv": DIARY + row})
    more = "2022-02-01,Heat,1995,https://boxd.it/e3,,Yes,,2022-01-31\n"
    session.add({"diary.csv": DIARY + row + more})
    session.add({"reviews.csv": REVIEWS + row.replace(",,2021", ",Fine,,2021")})
    assert session.movies[1]["rewatches"] == "2"


def test_a_diary_first_and_the_films_own_addresses_later_meet() -> None:
    session = Session({"diary.csv": DIARY + "2021-02-01,Heat,1995,https://boxd.it/e2,,,,\n"})
    session.add({"watched.csv": WATCHED + "2021-02-01,Heat,1995,https://boxd.it/heat\n"})
    assert [m["source_url"] for m in session.movies.values()] == ["https://boxd.it/heat"]


def test_a_second_film_of_one_title_and_year_makes_both_twins() -> None:
    session = Session({"watched.csv": WATCHED + "2021-02-01,Emma,1996,https://boxd.it/1\n"})
    session.add({"watched.csv": WATCHED + "2021-02-01,Emma,1996,https://boxd.it/2\n"})
    assert [m["lookup_key"] for m in session.movies.values()] == ["twins:emma|1996"] * 2


def test_an_id_and_a_year_that_are_news_ask_anew() -> None:
    session = Session({"watched.csv": WATCHED + "2021-02-01,Heat,,https://boxd.it/1\n"})
    session.add({"watched.csv": WATCHED + "2021-02-01,Heat,1995,https://boxd.it/1\n"})
    assert session.titles() == [("Heat", "1995", "title:heat|1995")]
    session.add({"ids.csv": "Title,Year,IMDb ID\nHeat,1995,tt0113277\n"})
    assert session.titles() == [("Heat", "1995", "imdb:tt0113277")]


def test_an_id_of_the_film_that_was_found_asks_nothing() -> None:
    session = Session({"a.csv": "Title,Year\nHeat,1995\n"})
    session.found[1] = (949, "tt0113277")
    session.add({"ids.csv": "Title,Year,TMDb ID,IMDb ID\nHeat,1995,949,tt0113277\n"})
    assert session.titles() == [("Heat", "1995", "title:heat|1995")]


def test_what_the_user_corrected_outlasts_the_old_list() -> None:
    old = {"ids.csv": "Title,Year,TMDb ID\nHeat,1995,5\nRan,1985,6\n"}
    session = Session(old)
    session.movies[1]["lookup_key"] = "tmdb:949"  # by PUT
    session.movies[2]["lookup_key"] = "title:ran|1985"  # TMDB did not know the id
    session.add(old)
    session.add({"a.csv": "Title,Year\nHeat,1995\nRan,1985\n"})
    session.add({"b.csv": "TMDb ID\n949\n"})
    assert [key for *_, key in session.titles()] == ["tmdb:949", "title:ran|1985"]


def test_films_that_the_session_has_twice_stay_two() -> None:
    session = Session({"a.csv": "TMDb ID,IMDb ID\n5,\n,tt0000005\n"})
    session.add({"b.csv": "TMDb ID,IMDb ID\n5,tt0000005\n"})
    assert len(session.movies) == 2


def test_a_new_film_that_turns_out_to_be_the_sessions_is_it() -> None:
    session = Session({"a.csv": "TMDb ID\n5\n"})
    session.add({"b.csv": "TMDb ID,IMDb ID,Tags\n,tt0000005,noir\n5,tt0000005,\n"})
    assert len(session.movies) == 1
    assert session.movies[1]["tags"] == '{"noir"}'


# -- the corrected list ----------------------------------------------------------------------------


def test_a_corrected_row_asks_for_its_id_or_its_title() -> None:
    session = Session({"a.csv": "Title,Year\nHaet,1995\nRna,1985\nM,1931\nFargo,1966\n"})
    session.correct(
        (1, "Haet", 1995, 949, ""),
        (2, "Ran", 1985, "", ""),
        (3, "M", 1931, "", "tt0022100"),
        (4, "Fargo", "", "", ""),
    )
    assert session.titles() == [
        ("Haet", "1995", "tmdb:949"),
        ("Ran", "1985", "title:ran|1985"),
        ("M", "1931", "imdb:tt0022100"),
        ("Fargo", "", "title:fargo|"),
    ]
    assert (session.report["added"], session.report["changed"]) == (0, 4)
    assert [file["format"] for file in session.report["files"]] == ["projectionist"]


def test_rows_that_were_left_as_they_are_change_nothing() -> None:
    session = Session({"a.csv": "Title,Year,TMDb ID\nHaet,1995,\nRna,1985,7\n,,8\n"})
    session.correct((1, "Haet", 1995), (2, "Rna", 1985, 7), (3, "", "", 8))
    assert session.changed == []


def test_a_corrected_film_says_nothing_of_having_been_watched() -> None:
    session = Session({"watchlist.csv": "Title\nHaet\n"})
    session.correct((1, "Heat", "", "", ""))
    assert (session.movies[1]["watched"], session.movies[1]["in_watchlist"]) == ("f", "t")


def test_the_old_list_still_finds_a_film_under_its_old_name_and_id() -> None:
    old = {"a.csv": "Title,Year,TMDb ID\nHaet,1995,\nRna,1985,7\n"}
    session = Session(old)
    session.correct((1, "Heat", 1995, "", ""), (2, "Ran", 1985, 11645, ""))
    session.add(old)
    session.add({"b.csv": "TMDb ID\n7\n"})
    assert session.titles() == [
        ("Heat", "1995", "title:heat|1995"),
        ("Ran", "1985", "tmdb:11645"),
    ]


def test_a_title_is_corrected_even_where_the_wrong_film_was_found() -> None:
    session = Session({"a.csv": "Title,Year\nHeat,1986\n"})
    session.found[1] = (12, "tt0000012")
    session.correct((1, "Heat", 1995, 12, "tt0000012"))
    assert session.titles() == [("Heat", "1995", "title:heat|1995")]


def test_of_twins_each_is_corrected_by_its_position() -> None:
    twins = "2021-02-01,Emma,1996,https://boxd.it/1\n2021-02-01,Emma,1996,https://boxd.it/2\n"
    session = Session({"watched.csv": WATCHED + twins})
    session.correct((1, "Emma", 1996, 3573), (2, "Emma", 1996, 12254))
    assert [key for *_, key in session.titles()] == ["tmdb:3573", "tmdb:12254"]
    session.add({"watched.csv": WATCHED + twins})
    assert session.changed == []


def test_a_title_that_another_film_of_the_session_has_makes_no_twins() -> None:
    session = Session({"a.csv": "Title,Year\nHeat,1995\nHaet,1995\n"})
    session.correct((2, "Heat", 1995))
    assert [key for *_, key in session.titles()] == ["title:heat|1995"] * 2


def test_a_position_that_is_gone_is_rejected() -> None:
    session = Session({"a.csv": "Title,Year\nHaet,1995\nRna,1985\n"})
    del session.movies[1]
    session.correct((1, "Heat", 1995), (2, "Ran", 1985), ("x", "M", 1931), ("", "Fargo", 1996))
    assert session.titles() == [("Ran", "1985", "title:ran|1985")]
    assert [row["code"] for row in session.report["rejected"]] == ["no_such_position"] * 3
    with pytest.raises(ListRefused) as refusal:
        session.correct((1, "Heat", 1995))
    assert refusal.value.reason is Refusal.NO_USABLE_ROWS


def test_a_position_of_another_session_means_nothing() -> None:
    session = Session({"a.csv": "Title,Year\nHeat,1995\n"})
    session.correct((1, "Ran", 1985, 11645), mark="sffffffffffff")
    assert session.titles() == [("Heat", "1995", "title:heat|1995"), ("Ran", "1985", "tmdb:11645")]


def test_the_films_of_the_session_count_among_the_most_that_there_may_be() -> None:
    session = Session({"a.csv": "Title\nHeat\nRan\n"})
    session.add({"b.csv": "Title\nHeat\nM\n"}, max_movies=3)
    with pytest.raises(ListRefused) as refusal:
        session.add({"b.csv": "Title\nHeat\nFargo\n"}, max_movies=3)
    assert refusal.value.reason is Refusal.TOO_MANY_MOVIES
    assert "session would have" in refusal.value.message
