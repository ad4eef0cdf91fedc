"""Uploads that are taken: every way to send a list, and what is made of it."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import FormData

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service

RFC_3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")

WATCHED = """\
Date,Name,Year,Letterboxd URI
2023-01-05,Heat,1995,https://boxd.it/heat
2023-01-06,The Thing,1982,https://boxd.it/thing
2023-01-07,Emma.,2020,https://boxd.it/emma
"""
RATINGS = """\
Date,Name,Year,Letterboxd URI,Rating
2023-01-05,Heat,1995,https://boxd.it/heat,4.5
2023-01-07,Emma.,2020,https://boxd.it/emma,3
"""
DIARY = """\
Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date
2023-02-01,Heat,1995,https://boxd.it/entry1,4.5,,"cinema, noir",2023-01-31
2023-03-01,Heat,1995,https://boxd.it/entry2,5,Yes,,2023-02-28
2023-03-02,The Thing,1982,https://boxd.it/entry3,4,,,2023-03-01
"""
REVIEWS = """\
Date,Name,Year,Letterboxd URI,Rating,Rewatch,Review,Tags,Watched Date
2023-03-01,Heat,1995,https://boxd.it/entry2,5,Yes,"Better, ""again"".",,2023-02-28
"""
WATCHLIST = """\
Date,Name,Year,Letterboxd URI
2023-04-01,Stalker,1979,https://boxd.it/stalker
2023-04-02,Emma.,2020,https://boxd.it/emma
"""
LIKES = """\
Date,Name,Year,Letterboxd URI
2023-04-03,Heat,1995,https://boxd.it/heat
"""
LIST = """\
Letterboxd list export v7
Date,Name,Tags,URL,Description
2023-05-01,Cold Ones,,https://boxd.it/list,

Position,Name,Year,URL,Description
1,The Thing,1982,https://boxd.it/thing,
2,Fargo,1996,https://boxd.it/fargo,
"""
TWINS = """\
Date,Name,Year,Letterboxd URI
2023-01-05,Emma,1996,https://boxd.it/emma-tv
2023-01-06,Emma,1996,https://boxd.it/emma
"""
SHARED = """\
Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type
Ash,2024-03-09 21:10:00,02:40:00,,Heat,
Bo,2024-03-11 15:00:00,01:20:00,,Ran,
Cy,2024-03-12 15:00:00,01:20:00,,Alien,
"""
PROFILE = "Date Joined,Username,Given Name\n2020-01-01,somebody,Some\n"
EXPORT = {
    "watched.csv": WATCHED,
    "ratings.csv": RATINGS,
    "diary.csv": DIARY,
    "reviews.csv": REVIEWS,
    "watchlist.csv": WATCHLIST,
    "likes/films.csv": LIKES,
    "lists/cold-ones.csv": LIST,
    "profile.csv": PROFILE,
}


def zipped(files: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


async def test_the_answer_has_the_sessions_status_and_where_to_read_it(
    service: Service, daemon: Daemon
) -> None:
    await daemon.beat()
    before = datetime.now(UTC) - timedelta(seconds=5)
    response = await service.upload("Title,Year\nHeat,1995\nEmma,2020\n")

    assert (response.status, response.content_type) == (201, "application/json")
    answer = await response.json()
    session_id = UUID(answer["session_id"])
    assert session_id.version == 4
    assert response.headers["Location"] == f"/api/session/{session_id}/status"
    assert answer.pop("report")["total_movies"] == 2
    assert isinstance(answer.pop("eta_seconds"), int)
    times = [answer.pop("created_at"), answer.pop("expires_at")]
    assert all(RFC_3339_UTC.fullmatch(time) for time in times)
    created, expires = map(datetime.fromisoformat, times)
    assert before < created < datetime.now(UTC) + timedelta(seconds=5)
    assert expires - created > timedelta(days=29)
    assert answer == {
        "session_id": str(session_id),
        "status": "enriching",
        "total_movies": 2,
        "enriched_count": 0,
        "not_found_count": 0,
        "failed_count": 0,
        "progress_percent": 0,
        "waiting": False,
        "held": False,
        "completed_at": None,
    }
    assert (await service.client.get(response.headers["Location"])).status == 200


async def test_one_file_in_a_form(service: Service) -> None:
    response = await service.upload_files(("films.csv", "Film;Year\nAmélie;2001\n"))
    answer = await response.json()
    assert (response.status, answer["total_movies"]) == (201, 1)
    (movie,) = await service.movies(answer["session_id"])
    assert (movie["title"], movie["year"], movie["outcome"]) == ("Amélie", 2001, "pending")


async def test_files_of_one_form_are_merged_whatever_their_fields_are_called(
    service: Service,
) -> None:
    response = await service.upload_files(
        ("a.csv", "Title,Year\nHeat,1995\nFargo,1996\n"),
        ("b.csv", "Name,Year\nfargo,1996\n"),
        ("c.csv", "Movie\nHeat (1995)\nM\n"),
        fields=["file", "file", "даже\u2603[]"],
    )
    answer = await response.json()
    assert response.status == 201, answer
    titles = [movie["title"] for movie in await service.movies(answer["session_id"])]
    assert sorted(titles) == ["Fargo", "Heat", "M"]
    assert answer["report"]["rows_merged"] == 2


async def test_a_form_field_without_a_file_name_is_taken_for_the_list_when_it_is_all_there_is(
    service: Service,
) -> None:
    form = FormData(default_to_multipart=True)
    form.add_field("list", "Title\nHeat\n")
    response = await service.client.post("/api/upload", data=form)
    assert (response.status, (await response.json())["total_movies"]) == (201, 1)


async def test_other_inputs_and_an_unselected_file_of_a_form_are_no_lists(
    service: Service,
) -> None:
    form = FormData()
    form.add_field("consent", "yes")
    form.add_field("second", b"", filename="", content_type="application/octet-stream")
    form.add_field("first", b"Title\nHeat\n", filename="films.csv")
    response = await service.client.post("/api/upload", data=form)
    answer = await response.json()
    assert (response.status, answer["total_movies"]) == (201, 1)
    assert [file["name"] for file in answer["report"]["files"]] == ["films.csv"]


async def test_a_raw_list_may_say_its_name(service: Service) -> None:
    disposition = {"Content-Disposition": 'attachment; filename="my watchlist.csv"'}
    response = await service.upload("Title\nHeat\n", disposition)
    answer = await response.json()
    assert answer["report"]["files"][0]["name"] == "my watchlist.csv"
    (movie,) = await service.movies(answer["session_id"])
    assert (movie["in_watchlist"], movie["watched"]) == (True, False)


async def test_a_zip_is_taken_raw_and_in_a_form(service: Service) -> None:
    packed = zipped(EXPORT)
    raw = await service.upload(packed, {"Content-Type": "application/zip"})
    in_form = await service.upload_files(("export.zip", packed))
    reports = [(await response.json())["report"] for response in (raw, in_form)]
    assert reports[0] == reports[1]
    assert reports[0]["total_movies"] == 5


async def test_an_export_becomes_one_movie_for_each_film_with_all_that_was_said_of_it(
    service: Service,
) -> None:
    response = await service.upload_files(*EXPORT.items())
    answer = await response.json()
    assert (response.status, answer["total_movies"]) == (201, 5)
    movies = {movie["title"]: movie for movie in await service.movies(answer["session_id"])}
    assert list(movies) == ["Heat", "The Thing", "Emma.", "Stalker", "Fargo"]

    heat = movies["Heat"]
    assert (heat["watched"], heat["liked"], heat["in_watchlist"]) == (True, True, False)
    assert heat["watch_dates"] == ["2023-01-31", "2023-02-28"]
    # ratings.csv has the rating of today; a diary has those of the days it was watched on.
    assert (heat["rating"], heat["rewatches"]) == (4.5, 1)
    assert (heat["tags"], heat["review"]) == (["cinema", "noir"], 'Better, "again".')
    assert heat["source_url"] == "https://boxd.it/heat"
    assert (movies["The Thing"]["lists"], movies["The Thing"]["rating"]) == (["Cold Ones"], 4.0)
    assert (movies["Emma."]["watched"], movies["Emma."]["in_watchlist"]) == (True, True)
    assert (movies["Stalker"]["watched"], movies["Stalker"]["in_watchlist"]) == (False, True)
    assert (movies["Fargo"]["watched"], movies["Fargo"]["lists"]) == (False, ["Cold Ones"])

    report = answer["report"]
    assert (report["watched"], report["watchlist_only"], report["list_only"]) == (3, 1, 1)
    formats = {file["name"]: file["format"] for file in report["files"]}
    assert formats == {
        "watched.csv": "letterboxd_watched",
        "ratings.csv": "letterboxd_ratings",
        "diary.csv": "letterboxd_diary",
        "reviews.csv": "letterboxd_reviews",
        "watchlist.csv": "letterboxd_watchlist",
        "likes/films.csv": "letterboxd_likes",
        "lists/cold-ones.csv": "letterboxd_list",
        "profile.csv": None,
    }


async def test_twins_share_a_lookup_that_only_gathers_candidates(service: Service) -> None:
    response = await service.upload_files(
        ("watched.csv", TWINS),
    )
    answer = await response.json()
    assert answer["total_movies"] == 2
    movies = await service.movies(answer["session_id"])
    assert {movie["source_url"] for movie in movies} == {
        "https://boxd.it/emma-tv",
        "https://boxd.it/emma",
    }
    assert await service.queue() == ["twins:emma|1996"]


async def test_rows_that_cannot_be_used_are_reported_with_line_and_reason(
    service: Service,
) -> None:
    response = await service.upload_files(
        ("films.csv", "Title,Year,Rating\nHeat,1995,4\n,1996,\nFargo,soon,\nM,1931,11\n,,5\n")
    )
    answer = await response.json()
    assert (response.status, answer["total_movies"]) == (201, 3)
    report = answer["report"]
    assert report["rejected"] == [
        {
            "file": "films.csv",
            "line": line,
            "code": "missing_title",
            "reason": "The row has no title",
        }
        for line in (3, 6)
    ]
    assert [(note["line"], note["code"]) for note in report["notes"]] == [
        (4, "bad_year"),
        (5, "bad_rating"),
    ]
    assert (report["rejected_count"], report["notes_count"], report["rows_read"]) == (2, 2, 5)


async def test_the_answer_names_twenty_rejected_rows_and_the_report_all(service: Service) -> None:
    rows = "\n".join(["Title,Year", "Heat,1995", *[",2000"] * 33])
    answer = await (await service.upload(rows)).json()
    assert len(answer["report"]["rejected"]) == 20
    assert answer["report"]["rejected_count"] == 33
    report = await service.get(f"/api/session/{answer['session_id']}/report")
    assert [row["line"] for row in report["rejected"]] == list(range(3, 36))
    assert report.pop("further_uploads") == []
    assert report.pop("further_uploads_count") == 0
    assert {key: value for key, value in report.items() if key != "rejected"} == {
        key: value for key, value in answer["report"].items() if key != "rejected"
    }


async def test_ids_in_a_list_are_asked_for_by_id(service: Service) -> None:
    session_id = await service.session(
        "Heat,949,", "Fargo,,tt0116282", header="Title,TMDB ID,IMDb ID"
    )
    assert sorted(await service.queue()) == ["imdb:tt0116282", "tmdb:949"]
    assert [movie["title"] for movie in await service.movies(session_id)] == ["Heat", "Fargo"]


async def test_a_rating_out_of_ten_is_stars_and_series_are_reported(service: Service) -> None:
    content = (
        "Const,Your Rating,Date Rated,Title,URL,Title Type,Year\n"
        "tt0113277,9,2024-01-05,Heat,https://www.imdb.com/title/tt0113277/,Movie,1995\n"
        "tt0903747,10,2024-01-06,Breaking Bad,https://www.imdb.com/,TV Series,2008\n"
    )
    answer = await (await service.upload_files(("ratings.csv", content))).json()
    (heat,) = await service.movies(answer["session_id"])
    assert (heat["rating"], heat["rating_original"], heat["watched"]) == (4.5, "9/10", True)
    assert answer["report"]["set_aside"] == [
        {
            "file": "ratings.csv",
            "line": 3,
            "code": "tv_series",
            "reason": "“Breaking Bad” is a television series, not a film",
        }
    ]


async def test_text_that_looks_like_sql_copy_or_arrays_comes_back_as_it_was(
    service: Service,
) -> None:
    titles = [
        "Robert'); drop table movies;--",
        "\\.",
        "NULL",
        "{a,b}",
        '"quoted"',
        "\\N",
        "千尋",
    ]
    tags = '{x},NULL,"q",back\\slash'
    rows = [f'"{title.replace(chr(34), chr(34) * 2)}","{tags.replace(chr(34), chr(34) * 2)}"'
            for title in titles]  # fmt: skip
    session_id = await service.session(*rows, header="Title,Tags")
    movies = await service.movies(session_id)
    assert [movie["title"] for movie in movies] == titles
    assert all(movie["tags"] == ["{x}", "NULL", '"q"', "back\\slash"] for movie in movies)


async def test_a_list_without_a_name_inside_is_called_what_its_file_is(service: Service) -> None:
    content = "Position,Name,Year,URL\n1,Heat,1995,https://boxd.it/heat\n"
    answer = await (await service.upload_files(("lists/Best Ever (2).csv", content))).json()
    (movie,) = await service.movies(answer["session_id"])
    assert movie["lists"] == ["Best Ever"]


async def test_profiles_limit_what_is_read_of_a_shared_history(service: Service) -> None:
    whole = await (await service.upload(SHARED, path="/api/upload")).json()
    assert whole["total_movies"] == 3
    assert [profile["name"] for profile in whole["report"]["files"][0]["profiles"]] == [
        *("Ash", "Bo", "Cy"),
    ]
    answer = await (await service.upload(SHARED, path="/api/upload?profile=ash&profile=Cy")).json()
    titles = [movie["title"] for movie in await service.movies(answer["session_id"])]
    assert titles == ["Heat", "Alien"]
    assert [issue["code"] for issue in answer["report"]["set_aside"]] == ["other_profile"]

    path = f"/api/session/{answer['session_id']}/upload?profile=Bo"
    added = await (await service.upload(SHARED, path=path)).json()
    assert (added["total_movies"], added["report"]["added"]) == (3, 1)


async def test_profile_that_is_in_no_file_refuses_the_upload(service: Service) -> None:
    response = await service.upload(SHARED, path="/api/upload?profile=Dee")
    problem = await service.problem(response, 422, "unreadable_list")
    assert problem["reason"] == "no_such_profile"
    assert "“Ash”, “Bo”, “Cy”" in problem["detail"]
    response = await service.upload(SHARED, path="/api/upload?profile=")
    await service.problem(response, 400, "bad_request")


async def test_same_key_for_other_profiles_is_another_request(service: Service) -> None:
    once = {"Idempotency-Key": "once"}
    first = await service.upload(SHARED, once, "/api/upload?profile=Ash")
    again = await service.upload(SHARED, once, "/api/upload?profile=Ash")
    assert (await first.json())["session_id"] == (await again.json())["session_id"]
    other = await service.upload(SHARED, once, "/api/upload?profile=Bo")
    await service.problem(other, 422, "idempotency_key_reused")
