"""Sheets that people keep by hand, and JSON of any shape: states, days, what is not read."""

from __future__ import annotations

import json

import pytest

from api_service.lists.model import ListRefused, Refusal
from tests.support.uploaded_lists import Read, read
from tests.unit.api_service.test_lists_services import films, zipped


def marks(found: Read) -> dict[str, str]:
    return {title: marked for title, marked, *_ in films(found)}


def test_sheet_in_another_language_is_understood() -> None:
    found = read(
        {
            "filme.csv": "Film;Jahr;Status;Wertung;Gesehen am\n"
            "Heat;1995;Gesehen;9/10;9. März 2024\nRan;1985;Merkliste;8/10;\n"
            "Freaks;1932;abgebrochen;4/10;\nIkiru;1952;irgendwas;;\nAlien;1979;irgendwas;8/10;\n"
        }
    )
    assert films(found) == [
        ("Alien", "w", "8/10", "", ""),
        ("Freaks", "", "4/10", "", ""),
        ("Heat", "w", "9/10", "2024-03-09", ""),
        ("Ikiru", "", "", "", ""),
        ("Ran", "l", "8/10", "", ""),
    ]
    assert found.notes == [(4, "not_seen"), (5, "unknown_state"), (6, "unknown_state")]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Title,Watched\nHeat,x\nRan,\n", {"Heat": "w", "Ran": ""}),
        ("Title,Seen?\nHeat,✓\nRan,✗\n", {"Heat": "w", "Ran": ""}),
        ("Title,Watched\nHeat,2024-03-09\nRan,to watch\n", {"Heat": "w", "Ran": "l"}),
        ("Title,Year,Watched Date\nHeat,1995,2024-03-09\nRan,1985,\n", {"Heat": "w", "Ran": "l"}),
        ("Title,Watchlist\nHeat,no\nRan,yes\n", {"Heat": "w", "Ran": "l"}),
        (
            "Title,State,Rating\nHeat,seen,4\nRan,,3\nAlien,,\n",
            {"Heat": "w", "Ran": "w", "Alien": ""},
        ),
        (
            "Title,List\nHeat,Watched\nRan,Watchlist\nAlien,Noir\n",
            {"Heat": "w", "Ran": "l", "Alien": ""},
        ),
        ("title,type\nHeat,watch\nRan,towatch\n", {"Heat": "w", "Ran": "l"}),
        (
            "title,is_watched,is_watchlist,my_rating\nHeat,1,0,9\nRan,0,1,7\nAlien,0,0,8\n",
            {"Heat": "w", "Ran": "l", "Alien": ""},
        ),
        # The columns of a service, and a state that it does not write.
        (
            "type,title,status,watched_at\nmovie,Heat,seen,2024-03-09\nmovie,Ran,watchlist,\n",
            {"Heat": "w", "Ran": "l"},
        ),
        (
            "Date,Name,Year,Letterboxd URI,Status\n,Heat,1995,,seen\n,Ran,1985,,to watch\n",
            {"Heat": "w", "Ran": "l"},
        ),
        ("type,title,watched_at\nmovie,Heat,2024-03-09\nmovie,Ran,\n", {"Heat": "w", "Ran": "l"}),
        ("title,watched_at\nHeat,2024-03-09\nRan,NULL\n", {"Heat": "w", "Ran": "l"}),
        ("Title,Favorite,Seen\nHeat,yes,yes\nRan,,no\n", {"Heat": "wh", "Ran": ""}),
    ],
)
def test_state_of_each_row_is_understood(content: str, expected: dict[str, str]) -> None:
    assert marks(read({"list.csv": content})) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"watched": [{"title": "Heat"}], "watchlist": [{"title": "Ran"}], "favorites": ["x"]},
            {"Heat": "w", "Ran": "l"},
        ),
        (
            {"me": {"library": {"movies": [{"title": "Heat", "status": "seen"}]}}},
            {"Heat": "w"},
        ),
        (
            {"movies": {"1": {"title": "Heat", "seen": 1}, "2": {"title": "Ran", "seen": 0}}},
            {"Heat": "w", "Ran": ""},
        ),
        ([{"title": "Heat", "user": {"status": "planned", "score": 9}}], {"Heat": "l"}),
    ],
)
def test_nested_json_is_understood(value: object, expected: dict[str, str]) -> None:
    assert marks(read({"list.json": json.dumps(value)})) == expected


def test_lists_within_json_have_names_and_are_no_films() -> None:
    lists = {
        "lists": [
            {"name": "Late, at night", "items": [{"title": "Heat"}]},
            {"name": "Watchlist", "items": [{"title": "Ran"}]},
        ]
    }
    assert films(read({"list.json": json.dumps(lists)})) == [
        ("Heat", "", "", "", "Late, at night"),
        ("Ran", "l", "", "", ""),
    ]


def test_lines_of_json_without_a_day_beside_others_are_planned() -> None:
    lines = '{"title":"Heat","watched_at":"2024-03-09"}\n{"title":"Ran","watched_at":null}\n'
    assert marks(read({"list.ndjson": lines})) == {"Heat": "w", "Ran": "l"}


@pytest.mark.parametrize(
    ("rows", "days"),
    [
        ("Heat,3/9/2024,12/25/2023\nRan,3/4/2024,1/2/2023\n", ["2024-03-09", "2024-03-04"]),
        ("Heat,9/3/2024,25/12/2023\nRan,4/3/2024,1/2/2023\n", ["2024-03-09", "2024-03-04"]),
        # Its own cells decide over another column that contradicts them.
        ("Heat,3/25/2024,25/12/2023\nRan,3/4/2024,1/2/2023\n", ["2024-03-25", "2024-03-04"]),
        ("Heat,9.3.2024,x\nRan,4.3.2024,\n", ["2024-03-09", "2024-03-04"]),
        ("Heat,1709978400000,\nRan,1709510400,\n", ["2024-03-09", "2024-03-04"]),
    ],
)
def test_one_unmistakable_cell_decides_for_the_file(rows: str, days: list[str]) -> None:
    found = read({"list.csv": f"Title,Watched Date,Date Added\n{rows}"})
    assert [movie["watch_dates"] for movie in found.movies] == [f"{{{day}}}" for day in days]


def test_own_export_that_a_spreadsheet_rewrote_keeps_its_days() -> None:
    found = read(
        {
            "own.csv": "Position,Title,Year,TMDb ID,IMDb ID,Session,Watched,Watch Dates\n"
            "1,Heat,1995,949,,s0,yes,09/03/2024\n2,Ran,1985,,,s0,yes,25/03/2024\n"
        }
    )
    assert found.column("watch_dates") == [("{2024-03-09}",), ("{2024-03-25}",)]


def test_scale_in_a_columns_name_is_that_of_its_ratings() -> None:
    found = read({"list.csv": "Title,Score (out of 10)\nHeat,4\nRan,5\n"})
    assert found.column("rating_original") == [("4/10",), ("5/10",)]


def test_note_is_a_mark_in_french_and_a_text_in_english() -> None:
    french = read({"films.csv": 'Titre,Année,Note\nHeat,1995,"8,5"\nRan,1985,9\n'})
    assert french.column("rating_original") == [("8.5/10",), ("9/10",)]
    english = read({"films.csv": "Title,Score,Note\nHeat,4,Great\nRan,,Still to write\n"})
    assert english.column("rating_original", "review") == [("4/5", "Great"), ("", "Still to write")]
    assert english.notes == []


def test_ids_alone_are_films() -> None:
    found = read({"list.json": '["tt0113277", "tt0089881", "Heat of the Night"]'})
    assert found.column("lookup_key") == [
        *(("imdb:tt0113277",), ("imdb:tt0089881",), ("title:heat of the night|",)),
    ]


def test_header_below_a_line_of_its_own_is_found() -> None:
    found = read({"list.csv": "What I have seen,,\n\nTitle,Year,My Score\nHeat,1995,9/10\n"})
    assert found.column("title", "year", "rating_original") == [("Heat", "1995", "9/10")]


def test_what_is_not_read_is_named_with_an_example() -> None:
    rows = "".join(f"Film {number},,,\n" for number in range(20))
    found = read(
        {
            "list.csv": "Title,Critic Score,Date Added,Douban ID,Shelf Mark\n"
            f"Heat,,2024-01-01,,A4\n{rows}Ran,87,,d17,\n"
        }
    )
    assert found.report["files"][0]["unread"] == [
        {"column": "Date Added", "example": "2024-01-01"},
        {"column": "Critic Score", "example": "87"},
        {"column": "Douban ID", "example": "d17"},
    ]
    found = read(
        {"x.json": json.dumps([{"title": "Heat", "stats": {"lastRatedOn": "2024-01-01"}}])}
    )
    assert found.report["files"][0]["unread"] == [
        {"column": "stats.lastRatedOn", "example": "2024-01-01"}
    ]


def test_media_that_are_no_films_are_set_aside() -> None:
    kinds = ("movie", "manga", "podcast", "video_game", "comic book", "Audiobook", "anime")
    rows = [{"title": kind, "mediaType": kind} for kind in kinds]
    found = read({"list.json": json.dumps(rows)})
    assert found.column("title") == [("movie",)]
    assert [code for _, code in found.aside] == [
        *("book", "podcast", "game", "book", "book", "tv_series"),
    ]


@pytest.mark.parametrize("ratings", ["", "userId,movieId,rating\n1,1788,4\n1,26982,2\n"])
def test_films_of_one_title_and_year_under_two_ids_stay_two(ratings: str) -> None:
    titles = 'movieId,title\n1788,"Men with Guns (1997)"\n26982,"Men with Guns (1997)"\n'
    files = {"movies.csv": titles} | ({"ratings.csv": ratings} if ratings else {})
    found = read(files)  # type: ignore[arg-type]  # texts are as good as bytes
    assert len(found.movies) == 2
    assert {movie["lookup_key"] for movie in found.movies} == {"twins:men with guns|1997"}
    assert [movie["rating_original"] for movie in found.movies] == (
        ["4/5", "2/5"] if ratings else ["", ""]
    )


def test_one_list_makes_a_zip_good_and_the_others_are_named() -> None:
    members = {
        "a.csv": "Title,Year\nHeat,1995\n",
        "searches.csv": "Query,Device\nheat,TV\n",
        "empty.csv": "",
        "broken.csv": "Title,Year\n,1995\n",
    }
    found = read({"x.zip": zipped(members)})
    assert found.column("title") == [("Heat",)]
    assert [file["name"] for file in found.report["files"] if file["set_aside"]] == [
        *("broken.csv", "empty.csv", "searches.csv"),
    ]


def test_refusal_tells_what_there_is_instead() -> None:
    with pytest.raises(ListRefused) as caught:
        read({"x.json": json.dumps({"workouts": [{"reps": 3, "weight": 9}]})})
    assert caught.value.reason is Refusal.NO_USABLE_ROWS
    assert "its members are reps, weight" in caught.value.message
    with pytest.raises(ListRefused) as caught:
        read({"x.zip": zipped({"searches.csv": "Query,Device\nheat,TV\n", "b.csv": "a,b\n1,2\n"})})
    assert "its members are searches.csv, b.csv" in caught.value.message
