"""An upload read whole: which file is taken for what, what is refused, what the report says."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import pytest

from api_service.lists.model import ListRefused, Refusal
from api_service.lists.reading import MOVIES_FILE, REPORT_FILE
from tests.unit.api_service.conftest import WATCHED

if TYPE_CHECKING:
    from tests.unit.api_service.conftest import Upload

LIST_START = "Date,Name,Tags,URL,Description\n2020-01-01,Noir,,https://boxd.it/L,\n\n"
LIST_ROWS = "Position,Name,Year,URL,Description\n1,Heat,1995,https://boxd.it/heat,\n"


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("watched.csv", "letterboxd_watched"),
        ("", "letterboxd_watched"),
        ("export/watchlist.csv", "letterboxd_watchlist"),
        ("my-watchlist-2020 (1).csv", "letterboxd_watchlist"),
        ("export/likes/films.csv", "letterboxd_likes"),
        ("LIKES\\Films.CSV", "letterboxd_likes"),
        ("likes-films.csv", "letterboxd_likes"),
        ("films (2).csv", "letterboxd_likes"),
    ],
)
def test_files_with_one_header_are_told_apart_by_name(
    upload: Upload, name: str, format_name: str
) -> None:
    assert list(upload.formats({name: WATCHED}).values()) == [format_name]


@pytest.mark.parametrize(
    ("header", "format_name"),
    [
        ("Date,Name,Year,Letterboxd URI,Rating", "letterboxd_ratings"),
        ("LETTERBOXD URI;name;Watched  Date;Year;Mood", "letterboxd_diary"),
        ("Review\tName\tYear\tLetterboxd URI\tWatched Date", "letterboxd_reviews"),
        ("Title,Year", "csv"),
        (" film title ,Release Date", "csv"),
        ("Original_Title;Year", "csv"),
        ("MOVIE", "csv"),
        ("Titel;Jahr", "csv"),
        ("LetterboxdURI,tmdbID,imdbID,Title,Year,WatchedDate,Rating10,Review", "csv"),
    ],
)
def test_header_is_recognised_in_any_case_order_and_delimiter(
    upload: Upload, header: str, format_name: str
) -> None:
    row = header.replace("LetterboxdURI", "").replace("tmdbID", "").replace("imdbID", "")
    assert list(upload.formats({"x.csv": f"{header}\n{row}\n"}).values()) == [format_name]


@pytest.mark.parametrize("start", ["Letterboxd list export v7\n", "\n", "\r\n\r\n", ""])
def test_list_is_recognised_by_its_films_header(upload: Upload, start: str) -> None:
    upload.read({"lists/x.csv": start + LIST_START + LIST_ROWS})
    assert '"{""Noir""}"' in (upload.folder / MOVIES_FILE).read_text()


def test_list_without_a_name_takes_its_files(upload: Upload) -> None:
    upload.read({"lists/my-noir.csv": LIST_ROWS})
    assert '"{""my-noir""}"' in (upload.folder / MOVIES_FILE).read_text()


@pytest.mark.parametrize("rows", ["Position,Name,Year,URL,Description\n", ""])
def test_empty_list_is_no_film_of_its_own_name(upload: Upload, rows: str) -> None:
    report = upload.report({"watched.csv": WATCHED, "lists/x.csv": LIST_START + rows})
    assert report["total_movies"] == 1
    assert report["files"][1] == {
        "name": "lists/x.csv",
        "format": "letterboxd_list",
        "rows": 0,
        "movies": 0,
        "set_aside": None,
        "unread": [],
        "profiles": [],
    }


def test_plain_list_that_is_called_a_watchlist_is_not_counted_as_seen(upload: Upload) -> None:
    report = upload.report({"My Watchlist.csv": "Title\nHeat\n", "films.csv": "Title\nRan\n"})
    assert (report["watched"], report["watchlist_only"], report["list_only"]) == (1, 1, 0)


def test_excel_delimiter_line_is_skipped(upload: Upload) -> None:
    report = upload.report({"x.csv": "sep=;\nTitle;Year\nHeat;1995\n"})
    assert (report["total_movies"], report["rows_read"]) == (1, 1)


@pytest.mark.parametrize(
    "name",
    [
        "profile.csv",
        "export/comments.csv",
        "likes/reviews.csv",
        "likes/lists.csv",
        "export/deleted/diary.csv",
        "orphaned/reviews.csv",
        "deleted/lists/noir.csv",
    ],
)
def test_files_without_films_are_set_aside_unread(upload: Upload, name: str) -> None:
    report = upload.report({name: b"\0 not even text", "watched.csv": WATCHED})
    (aside,) = [file for file in report["files"] if file["set_aside"]]
    assert (aside["name"], aside["rows"], aside["format"]) == (name, 0, None)


def test_list_may_be_called_profile(upload: Upload) -> None:
    assert upload.formats({"lists/profile.csv": LIST_START + LIST_ROWS}) == {
        "lists/profile.csv": "letterboxd_list"
    }


def test_liked_reviews_are_known_without_their_folder(upload: Upload) -> None:
    files: dict[str, str | bytes] = {
        "reviews.csv": "Date,Content\n2020-01-01,https://boxd.it/x\n",
        "watched.csv": WATCHED,
    }
    assert upload.report(files)["files"][1]["set_aside"]


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        ("", Refusal.EMPTY_FILE, None),
        (" \n,,\n", Refusal.EMPTY_FILE, None),
        ("Title,Year\n", Refusal.NO_USABLE_ROWS, None),
        ("Title,Year\n,1995\n", Refusal.NO_USABLE_ROWS, 2),
        ("Heat,1995\nRan,1985\n", Refusal.NO_TITLE_COLUMN, 1),
        ("\n<!DOCTYPE html>\n", Refusal.NO_TITLE_COLUMN, 2),
        ('"a"b\n', Refusal.NO_TITLE_COLUMN, 1),
        ('Title\n"Heat\n', Refusal.UNTERMINATED_QUOTE, 2),
        ('"Title\nHeat\n', Refusal.UNTERMINATED_QUOTE, 1),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Refusal.NOT_TEXT, None),
        (b"PK\x03\x04 and no more", Refusal.BROKEN_ZIP, None),
    ],
)
def test_one_bad_file_refuses_the_upload(
    upload: Upload, content: str | bytes, reason: Refusal, line: int | None
) -> None:
    error = upload.refusal({"watched.csv": WATCHED, "folder/bad.csv": content})
    assert (error.file, error.reason, error.line) == ("folder/bad.csv", reason, line)
    assert error.detail.startswith("folder/bad.csv")
    assert error.extra == {"file": "folder/bad.csv", "reason": reason.value, "line": line}
    assert not (upload.folder / MOVIES_FILE).exists()


@pytest.mark.parametrize("files", [{}, {"profile.csv": "x"}, {"watchlist.csv": WATCHED[:30]}])
def test_upload_without_any_film_is_refused(upload: Upload, files: dict[str, str | bytes]) -> None:
    assert upload.refusal(files).reason is Refusal.NO_USABLE_ROWS


def test_letterboxd_file_of_which_no_row_is_usable_is_refused(upload: Upload) -> None:
    header, row = WATCHED.splitlines()
    error = upload.refusal({"watched.csv": f"{header}\n{row.replace('Heat', '')}\n"})
    assert (error.reason, error.line) == (Refusal.NO_USABLE_ROWS, 2)


def test_limit_counts_distinct_films(upload: Upload) -> None:
    upload.max_movies = 2
    assert upload.read({"x.csv": "Title\nA\nB\na\nb\n"}).total_movies == 2
    error = upload.refusal({"x.csv": "Title\nA\nB\na\nC\n"})
    assert (error.reason, error.line) == (Refusal.TOO_MANY_MOVIES, 5)


def test_rows_are_limited_even_when_they_repeat(upload: Upload) -> None:
    upload.max_movies = 1
    error = upload.refusal({"x.csv": "Title\n" + "A\n" * 100_001})
    assert (error.reason, error.line) == (Refusal.TOO_MANY_ROWS, 100_002)


def test_refusal_survives_the_way_between_processes() -> None:
    error = ListRefused("a\x1b\n.csv", Refusal.BAD_ENCODING, "save it", 3)
    again = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert type(again) is ListRefused
    assert vars(again) == vars(error)
    assert str(again) == str(error) == "a .csv, line 3: save it"


def test_report_names_rejected_rows_and_notes_with_their_place(upload: Upload) -> None:
    content = (
        "Title,Year,Rating,WatchedDate,tmdbID,URL\n"
        ",1995,,,,\n"
        "The Good, the Bad and the Ugly,1966,,,,https://x.org\n"
        '"Two\nlines",19x9,bad,03/04/2020,abc,javascript:x\n'
        f"{'x' * 501},,,,,\n"
        f"{'ﷺ' * 100},,,,,\n"
        "Bell\x07,,,,,\n"
        '"Stray" quote,,,,,\n'
        "two lines\n"
        "Heat,1995,,,,,,\n"
    )
    report = upload.report({"my\x1blist.csv": content})
    assert [(issue["line"], issue["code"]) for issue in report["rejected"]] == [
        (2, "missing_title"),
        (3, "too_many_cells"),
        (6, "title_too_long"),
        (7, "title_too_long"),
        (8, "control_character"),
        (9, "stray_quote"),
    ]
    assert [(issue["line"], issue["code"]) for issue in report["notes"]] == [
        (4, "bad_id"),
        (4, "bad_year"),
        (4, "bad_rating"),
        (4, "bad_address"),
        (4, "bad_date"),
    ]
    assert {issue["file"] for issue in report["rejected"]} == {"mylist.csv"}
    assert "quotation marks" in report["rejected"][1]["reason"]
    assert report["files"] == [
        {
            "name": "mylist.csv",
            "format": "csv",
            "rows": 9,
            "movies": 2,
            "set_aside": None,
            "unread": [],
            "profiles": [],
        }
    ]
    assert (report["rows_read"], report["rows_merged"], report["total_movies"]) == (9, 1, 2)


def test_each_row_that_says_more_of_a_film_is_named_with_the_film(upload: Upload) -> None:
    watched = "Date,Name,Year,Letterboxd URI\n2024-01-01,Heat,1995,https://boxd.it/1\n"
    ratings = "Date,Name,Year,Letterboxd URI,Rating\n2024-01-01,Heat,1995,https://boxd.it/1,4\n"
    report = upload.report(
        {
            "watched.csv": watched,
            "ratings.csv": ratings,
            "x.csv": "Title,Year\nRan,1985\nHEAT,1995\n",
        }
    )
    assert report["merged"] == [
        {"file": "ratings.csv", "line": 2, "title": "Heat", "year": 1995},
        {"file": "x.csv", "line": 3, "title": "Heat", "year": 1995},
    ]
    assert report["rows_merged"] == 2


def test_rows_merged_are_all_counted_and_named_up_to_a_limit(upload: Upload) -> None:
    report = upload.report({"x.csv": "Title\n" + "Heat\n" * 10_002})
    assert (len(report["merged"]), report["rows_merged"]) == (10_000, 10_001)


def test_result_is_short_and_the_report_whole(upload: Upload) -> None:
    result = upload.read({"x.csv": "Title,Year\nA,1\n" + ",1999\n" * 50})
    assert result.total_movies == 1
    assert len(result.summary["rejected"]) == 20
    assert result.summary["rejected_count"] == 50
    assert len(json.loads((upload.folder / REPORT_FILE).read_text())["rejected"]) == 50
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301  # our own bytes


def test_report_stays_small_whatever_is_wrong(upload: Upload) -> None:
    report = upload.report({"x.csv": "Title,Year\n" + ",1999\nA,19x9\n" * 10_001})
    assert len(report["rejected"]) == len(report["notes"]) == 10_000
    assert report["rejected_count"] == report["notes_count"] == 10_001


def test_rows_set_aside_are_all_counted_and_named_up_to_a_limit(upload: Upload) -> None:
    report = upload.report({"x.csv": "Title,Type\nHeat,movie\n" + "Dark,tv\n" * 10_001})
    assert (len(report["set_aside"]), report["set_aside_count"]) == (10_000, 10_001)
    assert (report["rows_read"], report["rows_merged"]) == (10_002, 0)
