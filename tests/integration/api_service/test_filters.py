"""Filters and orders: each against plain Python over what the API tells of every movie."""

from __future__ import annotations

import itertools
import re
import unicodedata
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from shared.models import DOUBTFUL_BELOW
from tests.support.random_sessions import (
    COUNT,
    COUNTRIES,
    GENRES,
    LANGUAGES,
    LIST,
    TAGS,
    WORDS,
    listed_movies,
    random_session,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.support.api_client import Service
    from tests.support.random_sessions import ListedMovie
    from tests.support.scripted_daemon import ScriptedDaemon

SORTS = ("position", "title", "year", "rating", "runtime", "tmdb_rating", "watched")
FLAGS: dict[str, Callable[[ListedMovie], bool]] = {
    "watched": lambda one: one.movie["watched"],
    "watchlist": lambda one: one.movie["in_watchlist"],
    "liked": lambda one: one.movie["liked"],
    "rewatched": lambda one: one.rewatched,
}


def has_outcome(one: ListedMovie, outcome: str) -> bool:
    movie = one.movie
    if outcome == "unmatched":
        return movie["outcome"] in {"not_found", "failed"}
    if outcome == "doubtful":
        return bool(movie["outcome"] == "found" and movie["confidence"] < DOUBTFUL_BELOW)
    return bool(movie["outcome"] == outcome)


def has_flag(one: ListedMovie, value: str, *, name: str) -> bool:
    return FLAGS[name](one) == (value == "true")


def folded(text: str) -> str:
    """Small letters without accents."""
    bare = re.sub("[\u0300-\u036f]", "", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", bare).lower()


def speaks_of(one: ListedMovie, text: str) -> bool:
    movie = one.movie
    names = (movie["title"], movie["tmdb_title"], movie["original_title"])
    everything = [*names, *movie["directors"], *movie["cast"]]
    return any(folded(text) in folded(name or "") for name in everything)


def _fits(one: ListedMovie, *, fits: Callable[[ListedMovie, Any], bool], value: object) -> bool:
    return fits(one, value)


def cases() -> list[tuple[dict[str, Any], Callable[[ListedMovie], bool]]]:
    """Each filter with values that some movies have, some have not, and some are next to."""
    found: list[tuple[dict[str, Any], Callable[[ListedMovie], bool]]] = []

    def add(name: str, values: Iterable[Any], fits: Callable[[ListedMovie, Any], bool]) -> None:
        found.extend(({name: value}, partial(_fits, fits=fits, value=value)) for value in values)

    outcomes = ("pending", "found", "not_found", "failed", "unmatched", "doubtful")
    add("outcome", outcomes, has_outcome)
    texts = (
        *WORDS,
        "élan",
        "STRASSE",
        "director 3",
        "ACTÖR 2",
        "told 10",
        '"',
        ",",
        "[",
        "originÁL",
        "elan",
        "E\u0301LAN",
        "zoe",
        "actor 2",
        "őríĝinal",
    )
    add(
        "q",
        (*texts, "  the   night ", "Heat\nRan", "nothing of the kind"),
        lambda one, text: speaks_of(one, " ".join(text.split())),
    )
    add("genre", (*GENRES, "drama", "Sport"), lambda one, name: name in one.movie["genres"])
    add("country", (*COUNTRIES, "XX"), lambda one, code: code in one.movie["countries"])
    add("language", (*LANGUAGES, "xx"), lambda one, code: code in one.movie["languages"])
    add("director", (1, 3, 7, 20), lambda one, person: person in one.directors)
    add("actor", (20, 33, 45, 1), lambda one, person: person in one.actors)
    add(
        "decade",
        (1930, 1960, 1970, 1990, 2000, 2020, 1800),
        lambda one, decade: one.year is not None and decade <= one.year < decade + 10,
    )
    add("year", (1969, 1970, 2000, 1900), lambda one, year: one.year == year)
    add(
        "runtime_from",
        (0, 30, 60, 240, 501),
        lambda one, least: (one.movie["runtime_minutes"] or -1) >= least,
    )
    add(
        "runtime_to",
        (0, 29, 59, 500),
        lambda one, most: (one.movie["runtime_minutes"] or most + 1) <= most,
    )
    add("rating", (0.5, 2.0, 4.5, 5.0), lambda one, stars: one.movie["rating"] == stars)
    add(
        "tmdb_rating",
        (*range(11),),
        lambda one, whole: one.theirs is not None and whole <= one.theirs < whole + 1,
    )
    for name in FLAGS:
        add(name, ("true", "false"), partial(has_flag, name=name))
    add("tag", (*TAGS, "Noir"), lambda one, name: name in one.movie["tags"])
    add("list", (LIST, "Worst"), lambda one, name: name in one.movie["lists"])
    add(
        "watched_on",
        ("2019", "2020-02", "2021-01-01", "2021", "2019-12", "2022"),
        lambda one, on: any(day.startswith(on) for day in one.movie["watch_dates"]),
    )
    return found


def order(one: ListedMovie, sort: str) -> Any:  # noqa: ANN401  # of any kind
    """What a movie is sorted by, smallest first, or None when it has none."""
    movie = one.movie
    latest = max(movie["watch_dates"], default=None)
    keys = {
        "position": movie["position"],
        "title": folded(movie["tmdb_title"] or movie["title"]),
        "year": _backwards(one.year),
        "rating": _backwards(movie["rating"]),
        "runtime": _backwards(movie["runtime_minutes"]),
        "tmdb_rating": _backwards(one.theirs),
        "watched": _backwards(int(latest.replace("-", "")) if latest else None),
    }
    return keys[sort]


def _backwards(number: float | None) -> float | None:
    return None if number is None else -number


def sorted_by(movies: list[ListedMovie], sort: str, *, reverse: bool) -> list[ListedMovie]:
    """In this order or turned round, by position where nothing tells; what lacks it last."""
    having = [one for one in movies if order(one, sort) is not None]
    having.sort(key=lambda one: one.movie["position"])
    having.sort(key=lambda one: order(one, sort), reverse=reverse)
    return having + [one for one in movies if order(one, sort) is None]


async def positions(service: Service, session_id: str, **parameters: str) -> list[int]:
    answer = await service.get(f"/api/session/{session_id}/movies/positions", **parameters)
    found: list[int] = answer["positions"]
    assert answer["total"] == len(found)
    return found


def places(movies: list[ListedMovie]) -> list[int]:
    return [one.movie["position"] for one in movies]


@pytest.mark.parametrize("seed", [1, 2])
async def test_each_filter_finds_what_it_says(
    service: Service, daemon: ScriptedDaemon, seed: int
) -> None:
    session_id = await random_session(service, daemon, seed)
    movies = await listed_movies(service, session_id)
    assert len(movies) == COUNT
    effective: set[str] = set()
    for parameters, fits in cases():
        expected = places([one for one in movies if fits(one)])
        assert await positions(service, session_id, **parameters) == expected, parameters
        if 0 < len(expected) < COUNT:
            effective.update(parameters)
    assert effective == {next(iter(parameters)) for parameters, _ in cases()}


async def test_two_films_of_one_service_taken_for_one_film_are_doubtful(
    service: Service, daemon: ScriptedDaemon
) -> None:
    header = "Date,Name,Year,Letterboxd URI"
    uris = {name: f"2024-01-01,{name},1990,https://boxd.it/{name}" for name in ("Owl", "Owls")}
    twice = await service.session(*uris.values(), header=header)
    once = await service.session(
        uris["Owl"], "2024-01-02,Ran,1985,https://boxd.it/r", header=header
    )
    other_files = await service.session("Owl,1990", "Owls,1990")
    flixster = "title,year,score,movieId,ratingSource"
    own_ids = await service.session("Owl,1990,4,1,x", "Owls,1990,4,2,x", header=flixster)
    found = {"title:owl|1990": 7, "title:owls|1990": 7, "title:ran|1985": 8}
    await daemon.answer(found=found)

    assert await positions(service, twice, outcome="doubtful") == [1, 2]
    assert await positions(service, twice, outcome="doubtful", sort="title") == [1, 2]
    assert await positions(service, own_ids, outcome="doubtful") == [1, 2]
    exported = await service.client.get(f"/api/session/{twice}/export?outcome=doubtful")
    assert (await exported.text()).count("boxd.it/") == 2
    assert await positions(service, once, outcome="doubtful") == [], "the look-up itself is shared"
    assert await positions(service, other_files, outcome="doubtful") == [], "one film, spelt twice"

    fixed = await service.client.put(f"/api/session/{twice}/movies/2/match", json={"tmdb_id": 7})
    assert fixed.status == 200, await fixed.text()
    await daemon.answer(found={"tmdb:7": 7})
    assert await positions(service, twice, outcome="doubtful") == [1], "its user has decided it"


async def test_accents_hide_no_title_and_move_none_behind_z(service: Service) -> None:
    session_id = await service.session("Zoo", "Léon", "Le\u0301on 2", "Lf", "ガラ", "カラ")
    for text in ("leon", "LÉON", "Le\u0301on"):
        assert await positions(service, session_id, q=text) == [2, 3]
    assert await positions(service, session_id, q="カ") == [6], "another kana, not an accent"
    assert (await positions(service, session_id, sort="title"))[:4] == [2, 3, 4, 1]


async def test_filters_narrow_each_other(service: Service, daemon: ScriptedDaemon) -> None:
    session_id = await random_session(service, daemon, 3)
    movies = await listed_movies(service, session_id)
    for (first, one_fits), (second, other_fits) in itertools.combinations(cases()[::4], 2):
        if first.keys() == second.keys():
            continue
        expected = places([one for one in movies if one_fits(one) and other_fits(one)])
        assert await positions(service, session_id, **first, **second) == expected


@pytest.mark.parametrize("reverse", ["false", "true"])
@pytest.mark.parametrize("sort", SORTS)
async def test_every_order_has_what_lacks_it_last_and_is_the_same_page_by_page(
    service: Service, daemon: ScriptedDaemon, sort: str, reverse: str
) -> None:
    session_id = await random_session(service, daemon, 4)
    movies = await listed_movies(service, session_id)
    asked = {"sort": sort, "reverse": reverse}
    for chosen, fits in ({}, lambda _: True), ({"watched": "true"}, FLAGS["watched"]):
        fitting = [one for one in movies if fits(one)]
        expected = places(sorted_by(fitting, sort, reverse=reverse == "true"))
        assert await positions(service, session_id, **asked, **chosen) == expected
        paged: list[int] = []
        cursor: dict[str, str] = {}
        while True:
            page = await service.get(
                f"/api/session/{session_id}/movies", limit=7, **asked, **chosen, **cursor
            )
            paged += [movie["position"] for movie in page["movies"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert paged == expected


async def test_a_page_goes_on_under_a_filter_that_came_in_between(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await random_session(service, daemon, 5)
    path = f"/api/session/{session_id}/movies"
    first = await service.get(path, limit=10)
    rest = await service.get(path, limit=1000, cursor=first["next_cursor"], watched="true")
    assert rest["movies"]
    assert all(movie["position"] > 10 and movie["watched"] for movie in rest["movies"])


async def test_movies_can_be_asked_for_by_position(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await random_session(service, daemon, 6)
    asked = await service.movies(session_id, positions="9,3,999,12")
    assert [movie["position"] for movie in asked] == [9, 3, 12]
    everything = {movie["position"]: movie for movie in await service.movies(session_id)}
    assert asked == [everything[position] for position in (9, 3, 12)]


async def test_a_movie_has_credits_with_pictures(service: Service, daemon: ScriptedDaemon) -> None:
    session_id = await service.session("Heat,1995", "Ran,1985")
    await daemon.answer(found={"title:heat|1995": 949})
    heat = await service.get(f"/api/session/{session_id}/movies/1")
    assert heat["credits"] == {
        "directors": [{"id": 1, "name": "Somebody", "profile_url": None}],
        "cast": [{"id": 2, "name": "Anybody", "character": "Nobody", "profile_url": None}],
    }
    ran = await service.get(f"/api/session/{session_id}/movies/2")
    assert (ran["title"], ran["credits"]) == ("Ran", {"directors": [], "cast": []})
    response = await service.client.get(f"/api/session/{session_id}/movies/3")
    await service.problem(response, 404, "movie_not_found")


UNREADABLE_FILTERS = (
    ({"outcome": "lost"}, "pending, found, not_found, failed, unmatched, doubtful"),
    ({"watched": "1"}, "true or false"),
    ({"q": "x" * 201}, "200"),
    ({"q": "\0"}, "without NUL"),
    ({"genre": ""}, "at least 1"),
    ({"tag": "a\0b"}, "without NUL"),
    ({"list": "x" * 1001}, "1000"),
    ({"country": "us"}, "two capital letters"),
    ({"language": "EN"}, "two small letters"),
    ({"director": "0"}, "from 1"),
    ({"actor": "2147483648"}, "2147483647"),
    ({"decade": "1995"}, "steps of 10"),
    ({"year": "0"}, "from 1 to 9999"),
    ({"runtime_from": "-1"}, "whole number"),
    ({"runtime_to": "1e3"}, "whole number"),
    ({"rating": "4.3"}, "halves"),
    ({"rating": "5.5"}, "halves"),
    ({"tmdb_rating": "11"}, "from 0 to 10"),
    ({"watched_on": "2024-13"}, "2024-03"),
    ({"watched_on": "2023-02-29"}, "2024-03"),
    ({"watched_on": "0000"}, "2024-03"),
    ({"watched_on": "24"}, "2024-03"),
)
UNREADABLE_ORDERS = (
    ({"sort": "length"}, "runtime"),
    ({"reverse": "yes"}, "true or false"),
)
REFUSED = [
    (route, *case)
    for route in ("movies", "movies/positions", "summary", "export")
    # A summary has no order.
    for case in (*UNREADABLE_FILTERS, *(UNREADABLE_ORDERS if route != "summary" else ()))
]


@pytest.mark.parametrize(
    ("route", "parameter", "allowed"),
    REFUSED,
    ids=[f"{route}-{str(parameter)[:30]}" for route, parameter, _ in REFUSED],
)
async def test_a_filter_that_cannot_be_read_says_what_may_be_said(
    refusing: Service, route: str, parameter: dict[str, str], allowed: str
) -> None:
    (name,) = parameter
    response = await refusing.client.get(
        f"/api/session/00000000-0000-4000-8000-000000000000/{route}", params=parameter
    )
    problem = await refusing.problem(response, 400, "bad_request")
    assert problem["detail"].startswith(f"{name}: ")
    assert allowed in problem["detail"]
    assert len(problem["detail"]) < 300


@pytest.mark.parametrize("positions", ["", "0", "1,", "1;2", "-1", "1" * 10, ",".join(["1"] * 201)])
async def test_positions_that_cannot_be_read(refusing: Service, positions: str) -> None:
    response = await refusing.client.get(
        "/api/session/00000000-0000-4000-8000-000000000000/movies", params={"positions": positions}
    )
    problem = await refusing.problem(response, 400, "bad_request")
    assert "up to 200 positions" in problem["detail"]
