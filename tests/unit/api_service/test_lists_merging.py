"""Which rows of an upload mean the same film, and what is then known of it."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_service.lists.merging.copying import MOVIE_COLUMNS
from api_service.lists.model import UploadedFile
from api_service.lists.reading import MOVIES_FILE, REPORT_FILE, read_lists

WATCHED = "Date,Name,Year,Letterboxd URI\n"
DIARY = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n"
RATINGS = "Date,Name,Year,Letterboxd URI,Rating\n"
REVIEWS = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date\n"
LIST = "\nDate,Name,Tags,URL,Description\n2020-01-01,{name},,https://boxd.it/L,\n\n"
FILMS = "Position,Name,Year,URL,Description\n"

Movie = dict[str, str]

EXPORT = {
    "watched.csv": WATCHED
    + "2020-01-01,Heat,1995,https://boxd.it/heat\n"
    + "2020-01-01,The Haunted Castle,1897,https://boxd.it/castle1\n"
    + "2020-01-01,The Haunted Castle,1897,https://boxd.it/castle2\n",
    "diary.csv": DIARY
    + '2020-02-01,Heat,1995,https://boxd.it/e1,4,,"noir, on-dvd",2020-01-31\n'
    + "2021-02-01,HEAT,1995,https://boxd.it/e2,4.5,Yes,on-dvd,2021-01-31\n"
    + "2021-02-01,The Haunted Castle,1897,https://boxd.it/e3,,,,2021-01-30\n"
    + "2022-02-01,Her Story,2015,,,,game,2022-01-30\n",
    "ratings.csv": RATINGS + "2020-02-01,Heat,1995,https://boxd.it/heat,3.5\n",
    "reviews.csv": REVIEWS
    + '2020-02-01,Heat,1995,https://boxd.it/e1,4,,"First, ""fine""\r\nindeed",noir,2020-01-31\n'
    + "2021-02-01,Heat,1995,https://boxd.it/e2,4.5,Yes,Better,,2021-01-31\n",
    "likes/films.csv": WATCHED + "2020-02-01,Heat,1995,https://boxd.it/heat\n",
    "watchlist.csv": WATCHED
    + "2020-02-01,Heat,1995,https://boxd.it/heat\n"
    + "2020-02-01,Ikiru,1952,https://boxd.it/ikiru\n",
    "lists/crime.csv": LIST.format(name="Crime")
    + FILMS
    + "1,Rififi,1955,https://boxd.it/rififi,\n2,Heat,1995,https://boxd.it/heat,\n",
    "lists/best.csv": LIST.format(name='"Best, ever"')
    + FILMS
    + "1,Heat,1995,https://boxd.it/heat,\n",
    "mine.csv": "Title,Year,tmdbID\nheat,1995,949\nAlien,1979,348\n",
}


def read_text(files: dict[str, str]) -> tuple[str, str]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        uploaded = []
        for number, (file_name, content) in enumerate(files.items()):
            path = folder / f"upload-{number}"
            path.write_bytes(content.encode())
            uploaded.append(UploadedFile(file_name, path))
        read_lists(uploaded, max_movies=20_000, max_bytes=1_000_000, folder=folder)
        return (folder / MOVIES_FILE).read_bytes().decode(), (folder / REPORT_FILE).read_text()


def movies(files: dict[str, str]) -> list[Movie]:
    rows = csv.reader(read_text(files)[0].splitlines(keepends=True))
    return [dict(zip(MOVIE_COLUMNS, row, strict=True)) for row in rows]


def test_everything_an_export_says_of_a_film_comes_together() -> None:
    heat = movies(EXPORT)[0]
    assert heat == {
        "position": "1",
        "lookup_key": "tmdb:949",
        "title": "Heat",
        "year": "1995",
        "watched": "t",
        "rating": "3.5",
        "rating_original": "3.5/5",
        "watch_dates": "{2020-01-31,2021-01-31}",
        "rewatches": "1",
        "liked": "t",
        "tags": '{"noir","on-dvd"}',
        "review": "Better",
        "in_watchlist": "t",
        "lists": '{"Best, ever","Crime"}',
        "source_url": "https://boxd.it/heat",
        "origins": '{"own":true,"rated":[1,"2020-02-01"],"entry":"https://boxd.it/e1",'
        '"tmdb_id":949,"rewatched":["https://boxd.it/e2"],"reviewed":[0,"2021-01-31"]}',
        "former_key": "",
    }


def test_watched_films_come_first_then_the_others_in_order_of_appearance() -> None:
    assert [(movie["title"], movie["watched"]) for movie in movies(EXPORT)] == [
        ("Heat", "t"),
        ("The Haunted Castle", "t"),
        ("The Haunted Castle", "t"),
        ("Her Story", "t"),
        ("Alien", "t"),
        ("Ikiru", "f"),
        ("Rififi", "f"),
    ]


@given(st.permutations(list(EXPORT)))
def test_order_of_files_makes_no_difference(names: list[str]) -> None:
    assert read_text({name: EXPORT[name] for name in names}) == read_text(EXPORT)


def test_every_file_twice_says_nothing_new() -> None:
    again = {f"copy/{name}": content for name, content in EXPORT.items()}
    again["copy/likes/films.csv"] = again.pop("copy/likes/films.csv")
    assert read_text(EXPORT | again)[0] == read_text(EXPORT)[0]


def test_two_films_of_one_title_and_year_are_never_guessed() -> None:
    first, second = (m for m in movies(EXPORT) if m["title"] == "The Haunted Castle")
    assert first["lookup_key"] == second["lookup_key"] == "twins:the haunted castle|1897"
    assert first["watch_dates"] == "{2021-01-30}"
    assert second["watch_dates"] == "{}"
    report = read_text(EXPORT)[1]
    assert report.count('"ambiguous_film"') == 1
    assert '"file": "diary.csv", "line": 4' in report


def test_any_number_of_films_of_one_title_and_year_stay_apart() -> None:
    # Looking each through all the others would take longer than any test may.
    count = 20_000
    rows = [f"2020-01-01,Rain,2019,https://boxd.it/{number}\n" for number in range(count)]
    found = movies({"watched.csv": WATCHED + "".join(rows)})
    assert {movie["lookup_key"] for movie in found} == {"twins:rain|2019"}
    assert len({movie["source_url"] for movie in found}) == count


def test_entry_is_taken_for_the_twin_that_was_watched() -> None:
    files = {
        "watchlist.csv": WATCHED + "2020-01-01,Rain,2019,https://boxd.it/a\n",
        "ratings.csv": RATINGS + "2020-01-01,Rain,2019,https://boxd.it/b,4\n",
        "diary.csv": DIARY + "2020-01-01,Rain,2019,https://boxd.it/e,,,,2020-01-01\n",
    }
    watched, listed = movies(files)
    assert (watched["source_url"], watched["watch_dates"]) == ("https://boxd.it/b", "{2020-01-01}")
    assert (listed["source_url"], listed["watched"]) == ("https://boxd.it/a", "f")
    assert "ambiguous" not in read_text(files)[1]


def test_entry_is_taken_for_the_twin_that_is_spelled_so() -> None:
    files = {
        "watched.csv": WATCHED
        + "2020-01-01,Rain,2019,https://boxd.it/a\n2020-01-01,rain,2019,https://boxd.it/b\n",
        "diary.csv": DIARY + "2020-01-01,rain,2019,https://boxd.it/e,,,,2020-01-01\n",
    }
    assert [movie["watch_dates"] for movie in movies(files)] == ["{}", "{2020-01-01}"]
    assert "ambiguous" not in read_text(files)[1]


def test_each_entry_that_could_be_either_is_noted() -> None:
    rows = "".join(f"2020-01-0{day},Rain,2019,,,,,2020-01-0{day}\n" for day in (1, 2))
    files = {
        "watchlist.csv": WATCHED
        + "2020-01-01,Rain,2019,https://boxd.it/a\n2020-01-01,Rain,2019,https://boxd.it/b\n",
        "diary.csv": DIARY + rows,
    }
    assert [movie["watch_dates"] for movie in movies(files)] == ["{2020-01-01,2020-01-02}", "{}"]
    assert read_text(files)[1].count('"ambiguous_film"') == 2


def test_short_and_long_address_of_one_film_meet() -> None:
    short = {"watched.csv": WATCHED + "2020-01-01,Heat,1995,https://boxd.it/heat\n"}
    long = {
        "watchlist.csv": WATCHED + "2020-01-01,Heat,1995,https://letterboxd.com/film/heat-1995/\n"
    }
    assert len(movies(short | long)) == 1


@pytest.mark.parametrize("address", ["http://www.boxd.it/Heat/", "https://BOXD.IT/Heat"])
def test_one_address_is_one_film_however_it_is_named(address: str) -> None:
    files = {
        "watched.csv": WATCHED + "2020-01-01,Heat,,https://boxd.it/Heat\n",
        "watchlist.csv": WATCHED + f"2020-01-01,Heat (working title),1995,{address}\n",
        "diary.csv": DIARY + "2020-01-01,Heat (working title),1995,,,,,2020-01-01\n",
    }
    (movie,) = movies(files)
    assert movie["lookup_key"] == "title:heat|1995"
    assert movie["watch_dates"] == "{2020-01-01}"


def test_addresses_that_differ_in_case_are_two_films() -> None:
    rows = "2020-01-01,Rain,2019,https://boxd.it/a\n2020-01-01,Rain,2019,https://boxd.it/A\n"
    assert len(movies({"watched.csv": WATCHED + rows})) == 2


def test_row_without_address_joins_by_title_and_year() -> None:
    files = {
        "watchlist.csv": WATCHED + "2020-01-01,Heat,1995,\n2020-01-01,Ran,1985,\n",
        "watched.csv": WATCHED + "2020-01-01,heat,1995,https://boxd.it/heat\n",
    }
    assert [(m["title"], m["watched"], m["in_watchlist"]) for m in movies(files)] == [
        ("heat", "t", "t"),
        ("Ran", "f", "t"),
    ]


def test_latest_diary_rating_counts_where_nothing_overrules_it() -> None:
    rows = (
        "2020-01-01,Heat,1995,,4,,,2021-01-01\n"
        "2020-01-01,Heat,1995,,2,,,2020-01-01\n"
        "2020-01-01,Heat,1995,,,,,2022-01-01\n"
    )
    assert movies({"diary.csv": DIARY + rows})[0]["rating"] == "4"


def test_rewatches_without_address_are_told_apart_by_date() -> None:
    rows = (
        "2020-01-01,Heat,1995,,,Yes,,2021-01-01\n"
        "2020-01-01,Heat,1995,,,Yes,,2020-01-01\n"
        "2020-01-01,Heat,1995,,,Yes,,2020-01-01\n"
        "2020-01-01,Heat,1995,,,Yes,,\n"
    )
    assert movies({"diary.csv": DIARY + rows})[0]["rewatches"] == "3"


def test_rows_of_a_plain_list_merge_by_folded_title_and_year() -> None:
    files = {"list.csv": "Title,Year\nAmélie,2001\n AME\u0301LIE,2001\nAmélie,\nAmélie,1999\n"}
    assert [(m["title"], m["year"]) for m in movies(files)] == [
        ("Amélie", "2001"),
        ("Amélie", ""),
        ("Amélie", "1999"),
    ]


ROWS = ["tmdb1,,,", "tmdb1,tt0000001,,", ",tt0000001,,", ",,Heat,1995", "tmdb1,,heat,1995"]


@given(st.permutations(ROWS))
def test_rows_merge_across_ids_and_titles_in_any_order(rows: list[str]) -> None:
    content = "tmdbID,imdbID,Title,Year\n" + "\n".join(rows).replace("tmdb1", "1")
    (movie,) = movies({"list.csv": content})
    assert (movie["lookup_key"], movie["title"].casefold(), movie["year"]) == (
        "tmdb:1",
        "heat",
        "1995",
    )


def test_different_ids_are_different_films_of_one_title() -> None:
    files = {"list.csv": "tmdbID,Title,Year\n1,Rain,2019\n2,Rain,2019\n"}
    assert [m["lookup_key"] for m in movies(files)] == ["tmdb:1", "tmdb:2"]


def test_id_never_decides_which_twin_is_which() -> None:
    rain = "2020-01-01,Rain,2019,https://boxd.it/{}\n"
    files = {
        "watched.csv": WATCHED + rain.format("a") + rain.format("b"),
        "list.csv": "tmdbID,Title,Year\n7,Rain,2019\n",
    }
    assert [m["lookup_key"] for m in movies(files)] == [
        "twins:rain|2019",
        "twins:rain|2019",
        "tmdb:7",
    ]


def test_ids_that_contradict_each_other_are_noted() -> None:
    files = {"list.csv": "tmdbID,imdbID,Title\n1,tt0000001,A\n1,tt0000002,A\n"}
    assert [m["lookup_key"] for m in movies(files)] == ["tmdb:1"]
    assert '"conflicting_ids"' in read_text(files)[1]


def test_film_with_an_id_and_no_title_has_a_null_title() -> None:
    text, _ = read_text({"list.csv": "Const,Title\ntt0133093,\n"})
    assert (
        text == '1,"imdb:tt0133093",,,t,,,"{}",0,f,"{}",,f,"{}",,"{""imdb_id"":""tt0133093""}",\n'
    )


@pytest.mark.parametrize("ids", [("tt0000001,", ",5"), (",5", "tt0000001,")])
def test_films_that_turn_out_to_be_one_keep_what_was_said_of_either(ids: tuple[str, str]) -> None:
    header = "imdbID,tmdbID,Rewatch,WatchedDate,Tags,Review,Rating\n"
    rows = [
        f"{ids[0]},Yes,2020-01-01,a,Early,2",
        f"{ids[1]},Yes,2021-01-01,b,Late,4",
        "tt0000001,5,,,,,",
    ]
    for order in itertools.permutations(rows):
        (movie,) = movies({"list.csv": header + "\n".join(order)})
        assert movie["rewatches"] == "2"
        assert movie["watch_dates"] == "{2020-01-01,2021-01-01}"
        assert (movie["review"], movie["rating"]) == ("Late", "4")


def test_diary_row_with_a_films_own_address_means_that_film() -> None:
    files = {
        "watched.csv": WATCHED + "2020-01-01,Heat,1995,https://boxd.it/heat\n",
        "diary.csv": DIARY + "2020-01-01,Hitze,1995,https://boxd.it/heat,,,,2020-01-01\n",
    }
    assert [(m["title"], m["watch_dates"]) for m in movies(files)] == [("Heat", "{2020-01-01}")]
