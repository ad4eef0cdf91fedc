"""What a list may make reading do: too much is refused early, what only repeats is cut."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from api_service.lists.merging.films import Film
from api_service.lists.model import CostLimit, ListRefused, Problem, Refusal
from api_service.lists.reading import MOVIES_FILE
from api_service.lists.report import Budget, FileJournal
from tests.support.uploaded_lists import read
from tests.unit.api_service.conftest import WATCHED

if TYPE_CHECKING:
    from tests.unit.api_service.conftest import Upload

LETTERBOXD = "Date,Name,Year,Letterboxd URI\n"


def test_report_names_rows_up_to_so_many_characters_and_counts_the_rest() -> None:
    journal = FileJournal("list.csv", Budget(rows=100, characters=50))
    film = Film("T" * 10, 2000, "key", 1)
    for line in range(3):
        journal.reject(line, Problem.MISSING_TITLE, "r" * 10)
        journal.note(line, Problem.MISSING_TITLE, "n" * 3)
        journal.merge(line, film)
    assert len(journal.rejected) + len(journal.notes) + len(journal.merged) == 3
    assert (journal.rejected_count, journal.notes_count) == (3, 3)
    assert journal.budget.characters >= 0


@pytest.mark.parametrize("blank", ["\n", ",,\n", "\r\n"])
@pytest.mark.parametrize("start", ["Title,Year,x\nHeat,1995,\n", ""])
def test_rows_that_yield_nothing_are_given_up_early(upload: Upload, start: str, blank: str) -> None:
    error = upload.too_costly({"films.csv": start + blank * 150_000})
    assert error.limit is CostLimit.BLANK_ROWS
    assert error.line is not None
    assert error.line < 100_100


def test_blank_lines_of_plain_text_are_given_up_early(upload: Upload) -> None:
    error = upload.too_costly({"films.txt": "Heat\nRan\n" * 30 + "\n" * 150_000})
    assert error.limit is CostLimit.BLANK_ROWS


@pytest.mark.parametrize(
    ("name", "start", "row"),
    [("films.csv", "Title\n", "Heat" + "\n" * 11), ("films.json", "[", '"Heat",' + "{}," * 10)],
)
def test_rows_allow_no_more_blank_ones_than_there_may_be_without(
    upload: Upload, name: str, start: str, row: str
) -> None:
    error = upload.too_costly({name: start + row * 20_100 + '""]'})
    assert error.limit is CostLimit.BLANK_ROWS


def test_json_of_too_many_rows_is_not_surveyed_to_its_end(upload: Upload) -> None:
    upload.max_movies = 1
    for separator in (",", ",\n"):
        error = upload.refusal({"films.json": "[" + f'"A"{separator}' * 100_001 + "broken"})
        assert (error.reason, error.line) == (Refusal.TOO_MANY_ROWS, 100_001)


def test_json_of_too_many_rows_is_not_set_aside_in_a_zip(upload: Upload) -> None:
    upload.max_movies = 1
    long = "[" + '"A",' * 100_001 + '"A"]'
    files = {"films.csv": "Title\nHeat\n", "more.json": long}
    with pytest.raises(ListRefused) as caught:
        upload.zipped(files)
    assert caught.value.reason is Refusal.TOO_MANY_ROWS
    assert upload.zipped({"films.csv": "Title\nHeat\n", "more.dat": long}).total_movies == 1


def test_list_may_have_a_blank_line_after_each_row(upload: Upload) -> None:
    upload.max_movies = 200_000
    rows = "".join(f"Film {number}\n\n\n" for number in range(60_000))
    assert upload.read({"films.csv": f"Title\n{rows}"}).total_movies == 60_000


def test_table_may_have_a_thousand_columns(upload: Upload) -> None:
    others = ",".join(f"c{number}" for number in range(999))
    assert upload.read({"films.csv": f"Title,{others}\nHeat\n"}).total_movies == 1
    error = upload.too_costly({"films.csv": f"Title,{others},one more\nHeat\n"})
    assert (error.limit, error.file) == (CostLimit.NAMES, "films.csv")


def test_row_may_not_go_on_over_more_lines_than_two_mebibytes(upload: Upload) -> None:
    error = upload.refusal({"films.csv": "Title,x\nHeat," + '"\nab",' * 400_000})
    assert (error.reason, error.line) == (Refusal.FIELD_TOO_LONG, 2)


def test_lines_that_cannot_be_read_are_not_looked_through_for_a_header(upload: Upload) -> None:
    error = upload.refusal({"films.csv": '"a"b\n' * 20_000 + "Title\nHeat\n"})
    assert error.reason is Refusal.NO_TITLE_COLUMN


def test_title_that_is_far_too_long_is_rejected_unread() -> None:
    accents = "\u0301\u0323" * 200_000
    episodes = ": episode 1 (" * 50_000
    rows = f"Title,Date\nHeat,1/13/20\na{accents},1/13/20\nx{episodes},1/13/20\n"
    found = read({"ViewingHistory.csv": rows})
    assert found.formats == ["netflix"]
    assert [(issue["line"], issue["code"]) for issue in found.report["rejected"]] == [
        (3, "title_too_long"),
        (4, "title_too_long"),
    ]


def test_film_is_open_to_twenty_addresses_and_no_more() -> None:
    rows = "".join(f"2020-01-01,Heat,1995,https://h{number}.example/x\n" for number in range(45))
    found = read({"watched.csv": LETTERBOXD + rows})
    assert len(found.movies) == 3
    assert [len(json.loads(movie["origins"])["addresses"]) for movie in found.movies] == [19, 19, 4]


def test_name_of_a_list_is_cut(upload: Upload) -> None:
    about = f"Date,Name,Tags,URL,Description\n2020-01-01,{'x' * 10_000},,,\n\n"
    films = "Position,Name,Year,URL\n1,Heat,1995,https://boxd.it/heat\n"
    upload.read({"lists/x.csv": about + films})
    with (upload.folder / MOVIES_FILE).open(newline="") as file:
        (row,) = csv.reader(file)
    assert f'{{"{"x" * 255}"}}' in row


def test_files_that_are_joined_name_only_a_few_others(upload: Upload) -> None:
    ratings = {
        f"ratings-{number}.csv": f"userId,movieId,rating\n1,{number},4\n" for number in range(9)
    }
    movies = "movieId,title\n" + "".join(f"{number},Film {number}\n" for number in range(9))
    report = upload.report({**ratings, "movies.csv": movies})
    (aside,) = [file["set_aside"] for file in report["files"] if file["set_aside"]]
    assert aside.endswith("ratings-0.csv, ratings-1.csv, ratings-2.csv and 6 more")


def test_limits_of_one_file_refuse_the_upload(upload: Upload) -> None:
    columns = ",".join(f"c{number}" for number in range(1_001))
    error = upload.too_costly({"watched.csv": WATCHED, "wide.csv": f"Title,{columns}\nHeat\n"})
    assert error.detail.startswith("wide.csv: ")
    assert error.extra == {"file": "wide.csv", "line": None, "limit": "names"}
