"""The stand-in over real HTTP: TMDB's shapes, keys and budget, and the control plane."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from aiohttp.test_utils import TestClient, TestServer

from local_stack.tmdb.app import create_app
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.exports import export_name
from local_stack.tmdb.film import Film, load_films
from local_stack.tmdb.generator import generate_films
from local_stack.tmdb.options import StandInOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp import web

    Client = TestClient[web.Request, web.Application]

V3 = "0123456789abcdef0123456789ABCDEF"
V4 = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln"
INVALID_KEY = {
    "status_code": 7,
    "status_message": "Invalid API key: You must be granted a valid key.",
    "success": False,
}
NOT_FOUND = {
    "status_code": 34,
    "status_message": "The resource you requested could not be found.",
    "success": False,
}
MATRIX = Film(
    id=603,
    imdb_id="tt0133093",
    title="The Matrix",
    original_title="The Matrix",
    release_date="1999-03-30",
    genres=("Action", "Science Fiction"),
    runtime=136,
    countries=("US",),
    language="en",
    directors=("Lana Wachowski", "Lilly Wachowski"),
    cast=("Keanu Reeves", "Laurence Fishburne"),
    vote_count=26000,
    vote_average=8.2,
    overview="A programmer wakes up.",
)
TRAPS = [film for film in load_films() if film.id >= 900_000_000]
CATALOGUE = Catalogue([MATRIX, *TRAPS, *generate_films(500, 2)])


@pytest_asyncio.fixture(name="start")
async def _start() -> AsyncIterator[Callable[..., Any]]:
    clients: list[Client] = []

    async def start(**options: object) -> Client:
        told = StandInOptions.model_validate({"limit": 1000, **options})
        client = TestClient(TestServer(create_app(CATALOGUE, told)))
        clients.append(client)
        await client.start_server()
        return client

    yield start
    for client in clients:
        await client.close()


@pytest_asyncio.fixture(name="tmdb")
async def _tmdb(start: Callable[..., Any]) -> Client:
    client: Client = await start()
    return client


async def get(client: Client, path: str, **query: str | int) -> tuple[int, Any]:
    async with client.get(path, params={"api_key": V3, **query}) as answer:
        return answer.status, await answer.json()


async def told(client: Client, path: str) -> dict[str, Any]:
    async with client.get(path) as answer:
        body: dict[str, Any] = await answer.json()
        return body


async def test_a_search_answers_tmdbs_fields(tmdb: Client) -> None:
    status, page = await get(tmdb, "/3/search/movie", query="the matrix", year=1999)
    assert status == 200
    assert page == {
        "page": 1,
        "results": [
            {
                "adult": False,
                "backdrop_path": "/backdrop-603.svg",
                "genre_ids": [28, 878],
                "id": 603,
                "original_language": "en",
                "original_title": "The Matrix",
                "overview": "A programmer wakes up.",
                "popularity": MATRIX.popularity,
                "poster_path": "/603.svg",
                "release_date": "1999-03-30",
                "title": "The Matrix",
                "video": False,
                "vote_average": 8.2,
                "vote_count": 26000,
            }
        ],
        "total_pages": 1,
        "total_results": 1,
    }


@pytest.mark.parametrize("page", ["0", "501", "-1", "x", "1.5", ""])
@pytest.mark.parametrize("path", ["/3/search/movie", "/3/search/tv", "/3/discover/movie"])
async def test_a_wrong_page_is_refused_as_tmdb_does(tmdb: Client, path: str, page: str) -> None:
    status, body = await get(tmdb, path, query="the", page=page)
    assert (status, body["status_code"]) == (400, 22)


@pytest.mark.parametrize("path", ["/3/search/movie", "/3/search/tv"])
@pytest.mark.parametrize("query", [{}, {"query": "  "}])
async def test_a_search_for_nothing_is_refused(
    tmdb: Client, path: str, query: dict[str, str]
) -> None:
    assert await get(tmdb, path, **query) == (422, {"errors": ["query must be provided"]})


async def test_television_is_found_as_television(tmdb: Client) -> None:
    _, page = await get(tmdb, "/3/search/tv", query="breaking bad", first_air_date_year=2008)
    (show,) = page["results"]
    assert (show["id"], show["name"], show["first_air_date"]) == (
        1396,
        "Breaking Bad",
        "2008-01-20",
    )
    _, page = await get(tmdb, "/3/search/movie", query="breaking bad")
    assert page["results"] == []


async def test_details_hold_what_was_appended_and_nothing_else(tmdb: Client) -> None:
    names = "credits,keywords,external_ids,release_dates,alternative_titles,recommendations,similar"
    _, film = await get(tmdb, "/3/movie/603", append_to_response=f"{names},no_such_thing")
    assert film["genres"] == [{"id": 28, "name": "Action"}, {"id": 878, "name": "Science Fiction"}]
    assert film["production_countries"] == [
        {"iso_3166_1": "US", "name": "United States of America"}
    ]
    assert (film["runtime"], film["imdb_id"], film["status"]) == (136, "tt0133093", "Released")
    assert film["external_ids"]["imdb_id"] == "tt0133093"
    assert film["release_dates"]["results"][0]["release_dates"][0]["release_date"] == (
        "1999-03-30T00:00:00.000Z"
    )
    assert {"id", "name"} == set(film["keywords"]["keywords"][0])
    assert film["alternative_titles"] == {"titles": []}
    assert film["recommendations"]["results"][0]["media_type"] == "movie"
    assert film["similar"]["total_results"] == len(film["similar"]["results"]) == 20
    assert "no_such_thing" not in film
    _, bare = await get(tmdb, "/3/movie/603")
    assert set(film) - set(bare) == set(names.split(","))


async def test_directors_stand_among_others_who_did_not_direct(tmdb: Client) -> None:
    _, film = await get(tmdb, "/3/movie/603", append_to_response="credits")
    crew = film["credits"]["crew"]
    directors = [person["name"] for person in crew if person["job"] == "Director"]
    assert directors == ["Lana Wachowski", "Lilly Wachowski"]
    assert crew[0]["job"] != "Director"
    directing = {person["job"] for person in crew if person["department"] == "Directing"}
    assert directing > {"Director"}
    assert [(person["order"], person["name"]) for person in film["credits"]["cast"]] == [
        (0, "Keanu Reeves"),
        (1, "Laurence Fishburne"),
    ]


async def test_a_foreign_film_has_its_original_title_as_another(tmdb: Client) -> None:
    _, film = await get(tmdb, "/3/movie/900000004", append_to_response="alternative_titles")
    assert film["alternative_titles"]["titles"] == [
        {"iso_3166_1": "DE", "title": "Der Salzweg", "type": ""}
    ]


async def test_a_film_is_found_under_its_imdb_id(tmdb: Client) -> None:
    _, film = await get(tmdb, "/3/movie/tt0133093")
    assert film["id"] == 603
    _, found = await get(tmdb, "/3/find/tt0133093", external_source="imdb_id")
    assert found["movie_results"][0]["id"] == 603
    assert found["movie_results"][0]["media_type"] == "movie"
    assert found["tv_results"] == found["person_results"] == []


async def test_find_answers_an_unknown_id_with_empty_lists(tmdb: Client) -> None:
    status, found = await get(tmdb, "/3/find/tt9999999", external_source="imdb_id")
    assert status == 200
    assert all(results == [] for results in found.values())
    status, body = await get(tmdb, "/3/find/tt9999999")
    assert (status, body["status_code"]) == (422, 5)


@pytest.mark.parametrize(
    "path",
    [
        "/3/movie/1",
        "/3/movie/tt0000000",
        "/3/movie/tt",
        "/3/movie/x",
        "/3/movie/9999999999999999999999",
        "/3/movie/1/credits",
        "/3/movie/603/nothing",
        "/3/nothing",
    ],
)
async def test_what_is_not_there_is_tmdbs_404(tmdb: Client, path: str) -> None:
    assert await get(tmdb, path) == (404, NOT_FOUND)


async def test_too_many_appended_are_refused(tmdb: Client) -> None:
    status, body = await get(tmdb, "/3/movie/603", append_to_response=",".join(["credits"] * 21))
    assert (status, body["status_code"]) == (400, 27)


async def test_discover_lists_popular_films_between_dates(tmdb: Client) -> None:
    _, page = await get(tmdb, "/3/discover/movie")
    popularity = [film["popularity"] for film in page["results"]]
    assert popularity == sorted(popularity, reverse=True)
    assert page["total_results"] == len(CATALOGUE.films)
    dates = {
        "primary_release_date.gte": "1999-01-01",
        "primary_release_date.lte": "1999-12-31",
        "sort_by": "vote_count.desc",
    }
    _, page = await get(tmdb, "/3/discover/movie", **dates)
    assert page["results"][0]["id"] == 603
    assert {film["release_date"][:4] for film in page["results"]} == {"1999"}
    status, _ = await get(tmdb, "/3/discover/movie", sort_by="nonsense")
    assert status == 422


async def test_posters_backdrops_and_portraits_are_svg(tmdb: Client) -> None:
    _, film = await get(tmdb, "/3/movie/603", append_to_response="credits")
    people = [*film["credits"]["cast"], *film["credits"]["crew"]]
    paths = {person["profile_path"] for person in people} - {None}
    for path in (film["poster_path"], film["backdrop_path"], *paths):
        async with tmdb.get(f"/t/p/w342{path}") as answer:
            assert answer.status == 200
            assert answer.content_type == "image/svg+xml"
            assert "<svg" in await answer.text()


@pytest.mark.parametrize(
    "path",
    [
        "/t/p/w342/1.svg",
        "/t/p/w342/900000001.svg",
        "/t/p/w342/person-999999.svg",
        "/t/p/w342/person-1999999999.svg",
        "/t/p/w342/603.jpg",
        "/t/p/huge/603.svg",
    ],
)
async def test_a_picture_that_does_not_exist_is_404(tmdb: Client, path: str) -> None:
    async with tmdb.get(path) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({"api_key": V3}, {}),
        ({}, {"Authorization": f"Bearer {V4}"}),
        ({"api_key": "wrong"}, {"Authorization": f"bearer {V4}"}),
    ],
)
async def test_a_key_of_the_right_shape_is_taken(
    tmdb: Client, query: dict[str, str], headers: dict[str, str]
) -> None:
    async with tmdb.get("/3/configuration", params=query, headers=headers) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ({}, {}),
        ({"api_key": "short"}, {}),
        ({"api_key": V4}, {}),
        ({}, {"Authorization": f"Bearer {V3}"}),
        ({}, {"Authorization": f"Basic {V4}"}),
    ],
)
@pytest.mark.parametrize("path", ["/3/configuration", "/3/nothing"])
async def test_any_other_key_is_refused_with_tmdbs_body(
    tmdb: Client, path: str, query: dict[str, str], headers: dict[str, str]
) -> None:
    async with tmdb.get(path, params=query, headers=headers) as answer:
        assert answer.status == 401
        assert await answer.json() == INVALID_KEY


async def test_41_requests_at_once_get_one_429(start: Callable[..., Any]) -> None:
    client: Client = await start(limit=40, period=1000)
    answers = await asyncio.gather(
        *(client.get("/3/configuration?api_key=" + V3) for _ in "x" * 41)
    )
    (refused,) = [answer for answer in answers if answer.status == 429]
    assert 900 < int(refused.headers["Retry-After"]) <= 1000
    assert (await refused.json())["status_code"] == 25
    report = await told(client, "/_stand_in/report")
    assert report["answered"] == {"200": 40, "429": 1}
    assert (report["largest_window"], report["refused_429"], report["requests"]) == (41, 1, 41)


async def test_refused_keys_and_unknown_routes_use_the_budget_and_pictures_do_not(
    start: Callable[..., Any],
) -> None:
    client: Client = await start(limit=2)
    async with client.get("/3/configuration") as answer:
        assert answer.status == 401
    await get(client, "/3/nothing")
    async with client.get("/t/p/w92/603.svg") as picture:
        assert picture.status == 200
    assert (await get(client, "/3/configuration"))[0] == 429


async def test_the_report_counts_routes_and_moments(tmdb: Client) -> None:
    before = time.time()
    await get(tmdb, "/3/movie/603")
    await get(tmdb, "/3/movie/604")
    await get(tmdb, "/3/search/movie", query="matrix")
    await get(tmdb, "/3/nothing")
    report = await told(tmdb, "/_stand_in/report?arrivals=1")
    assert report["by_route"] == {"movie": 2, "search_movie": 1, "unknown": 1}
    assert report["answered"] == {"200": 2, "404": 2}
    assert (report["limit"], report["period"]) == (1000, 10)
    assert len(report["arrivals"]) == 4
    assert before <= report["first_request_at"] == report["arrivals"][0]
    assert report["arrivals"][-1] == report["last_request_at"] <= time.time()
    assert "arrivals" not in await told(tmdb, "/_stand_in/report")


async def test_reset_clears_counts_window_and_faults(start: Callable[..., Any]) -> None:
    client: Client = await start(limit=1)
    rule = {"match": "configuration", "kind": "status", "status": 500}
    async with client.put("/_stand_in/faults", json=[rule]) as answer:
        assert await answer.json() == {"rules": 1}
    assert (await get(client, "/3/configuration"))[0] == 500
    async with client.post("/_stand_in/reset") as answer:
        assert answer.status == 204
    report = await told(client, "/_stand_in/report")
    assert (report["requests"], report["first_request_at"], report["last_request_at"]) == (
        0,
        None,
        None,
    )
    assert (await get(client, "/3/configuration"))[0] == 200


async def test_only_a_part_of_the_films_is_shown_beside_others_and_always_the_same(
    tmdb: Client,
) -> None:
    films = [film.id for film in CATALOGUE.films[:5]]

    async def shown() -> set[int]:
        names = {"append_to_response": "recommendations,similar"}
        answers = [(await get(tmdb, f"/3/movie/{film}", **names))[1] for film in films]
        lists = [
            answer[name]["results"] for answer in answers for name in ("recommendations", "similar")
        ]
        return {entry["id"] for entries in lists for entry in entries}

    everything = await shown()
    for part in (0.5, 0.0):
        async with tmdb.put("/_stand_in/options", json={"revealed": part}) as answer:
            assert answer.status == 200
        some = await shown()
        assert some <= everything
        assert abs(len(some) - part * len(everything)) <= len(everything) / 4


async def test_changed_films_are_told_a_hundred_a_page_and_each_day_others(tmdb: Client) -> None:
    async with tmdb.put("/_stand_in/options", json={"changed": 0.3}):
        pass
    days = {"start_date": "2026-01-01", "end_date": "2026-01-02"}
    status, first = await get(tmdb, "/3/movie/changes", **days)
    assert status == 200
    assert first["results"][0].keys() == {"id", "adult"}
    assert (first["page"], len(first["results"])) == (1, 100)
    assert first["total_pages"] == -(-first["total_results"] // 100)
    last = first["total_pages"]
    _, end = await get(tmdb, "/3/movie/changes", **days, page=str(last))
    assert len(end["results"]) == first["total_results"] - 100 * (last - 1)
    _, next_day = await get(
        tmdb, "/3/movie/changes", start_date="2026-01-02", end_date="2026-01-03"
    )
    assert next_day["results"] != first["results"]
    status, body = await get(
        tmdb, "/3/movie/changes", start_date="2026-01-01", end_date="2026-01-16"
    )
    assert (status, body["status_code"]) == (422, 20)
    assert (await get(tmdb, "/3/movie/changes", start_date="yesterday"))[0] == 422


async def test_options_change_while_it_runs(tmdb: Client) -> None:
    change = {"limit": 1, "period": 60, "latency": 0.05, "api_key": "f" * 32}
    async with tmdb.put("/_stand_in/options", json=change) as answer:
        assert await answer.json() == {
            "limit": 1,
            "period": 60,
            "latency": 0.05,
            "revealed": 1.0,
            "changed": 0.005,
            "exports_late": 0,
        }
    begun = time.monotonic()
    assert (await get(tmdb, "/3/configuration"))[0] == 401
    assert time.monotonic() - begun >= 0.05
    assert (await get(tmdb, "/3/configuration"))[0] == 429
    async with tmdb.put("/_stand_in/options", json={"limit": 5, "api_key": None}) as answer:
        assert (await answer.json())["period"] == 60
    assert (await get(tmdb, "/3/configuration"))[0] == 200


@pytest.mark.parametrize(
    "change", ["{", "[]", '{"limit": 0}', '{"period": "x"}', '{"latency": -1}', '{"nothing": 1}']
)
async def test_wrong_options_are_refused_and_change_nothing(tmdb: Client, change: str) -> None:
    async with tmdb.put("/_stand_in/options", data=change) as answer:
        assert answer.status == 422
        assert (await answer.json())["errors"]
    assert (await told(tmdb, "/_stand_in/report"))["limit"] == 1000


async def test_the_truth_names_every_film_of_a_title_and_year(tmdb: Client) -> None:
    path = "/_stand_in/truth?title=The%20Haunted%20Castle"
    assert await told(tmdb, f"{path}&year=1897") == {"ids": [900000002, 900000003]}
    assert await told(tmdb, f"{path}&year=1898") == {"ids": []}
    assert await told(tmdb, "/_stand_in/truth?title=the%20matrix") == {"ids": [603]}
    async with tmdb.get(f"{path}&year=x") as answer:
        assert answer.status == 422


async def test_daily_export_lists_each_film_and_is_refused_out_of_its_days(
    start: Callable[..., Any],
) -> None:
    client = await start(exports_late=1)
    today = dt.datetime.now(dt.UTC).date()
    statuses: list[int] = []
    lines: list[bytes] = []
    for days in (0, 1, 91, 92):
        name = export_name(today - dt.timedelta(days=days))
        async with client.get(f"/p/exports/{name}") as answer:
            statuses.append(answer.status)
            body = gzip.decompress(await answer.read()) if answer.status == 200 else b""
            lines = body.splitlines() or lines

    assert statuses == [403, 200, 200, 403]
    assert len(lines) == len(CATALOGUE.films)
    popularity = MATRIX.popularity
    assert (
        f'{{"adult":false,"id":603,"original_title":"The Matrix","popularity":{popularity},'
        '"video":false}'
    ).encode() in lines
    report = await told(client, "/_stand_in/report")
    assert (report["exports"], report["requests"]) == (2, 0)
