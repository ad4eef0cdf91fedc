"""Paging through a session's movies: every order, every filter, each movie once."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service

COUNT = 47
SORTS = ["position", "title", "year", "rating"]


def key(number: int) -> str:
    return f"title:film {number % 7} {number}|{'' if number % 5 == 0 else 1990 + number % 4}"


@pytest.fixture
async def session_id(service: Service) -> str:
    """Films that share first letters, years and ratings, some of which they lack."""
    return await service.session(
        *[
            f"{'FILM' if number % 2 else 'film'} {number % 7} {number},"
            f"{'' if number % 5 == 0 else 1990 + number % 4},"
            f"{'' if number % 3 == 0 else 0.5 + number % 9 / 2}"
            for number in range(COUNT)
        ],
        header="Title,Year,Rating",
    )


async def pages(
    service: Service,
    session_id: str,
    between: Callable[[int], Awaitable[None]] | None = None,
    **parameters: str | int,
) -> list[list[dict[str, Any]]]:
    """Every page, with something done after each."""
    found: list[list[dict[str, Any]]] = []
    cursor: dict[str, str] = {}
    while True:
        page = await service.get(f"/api/session/{session_id}/movies", **parameters, **cursor)
        found.append(page["movies"])
        if page["next_cursor"] is None:
            return found
        assert len(found) <= COUNT
        cursor = {"cursor": page["next_cursor"]}
        if between is not None:
            await between(len(found))


def order(movie: dict[str, Any], sort: str) -> tuple[Any, int]:
    """What the documents say of each order."""
    keys = {
        "position": "",
        "title": movie["title"].lower(),
        "year": -(movie["year"] or 0),
        "rating": -(movie["rating"] or 0),
    }
    return keys[sort], movie["position"]


@pytest.mark.parametrize("limit", [1, 5, COUNT - 1, COUNT, 1000])
@pytest.mark.parametrize("sort", SORTS)
async def test_pages_hold_every_movie_once_and_in_order(
    service: Service, session_id: str, sort: str, limit: int
) -> None:
    found = await pages(service, session_id, sort=sort, limit=limit)
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert 0 < len(found[-1]) <= limit
    movies = [movie for page in found for movie in page]
    assert sorted(movie["position"] for movie in movies) == list(range(1, COUNT + 1))
    assert movies == sorted(movies, key=lambda movie: order(movie, sort))


@pytest.mark.parametrize("sort", [sort for sort in SORTS if sort != "title"])
async def test_pages_stay_whole_while_outcomes_change_between_them(
    service: Service, daemon: Daemon, session_id: str, sort: str
) -> None:
    async def answer_some(page: int) -> None:
        await daemon.answer(
            found={key(number): 1000 + number for number in range(COUNT) if number % 9 == page}
        )

    found = await pages(service, session_id, answer_some, sort=sort, limit=6)
    positions = [movie["position"] for page in found for movie in page]
    assert sorted(positions) == list(range(1, COUNT + 1))


async def test_a_movie_that_gets_tmdbs_title_between_pages_disturbs_no_other(
    service: Service, daemon: Daemon, session_id: str
) -> None:
    answered: set[int] = set()

    async def answer_some(page: int) -> None:
        numbers = [number for number in range(COUNT) if number % 9 == page]
        await daemon.answer(found={key(number): 1000 + number for number in numbers})
        answered.update(number + 1 for number in numbers)

    found = await pages(service, session_id, answer_some, sort="title", limit=6)
    positions = [movie["position"] for page in found for movie in page]
    others = set(range(1, COUNT + 1)) - answered
    assert others
    assert sorted(one for one in positions if one not in answered) == sorted(others)


async def test_a_movie_that_leaves_between_pages_disturbs_no_other(
    service: Service, session_id: str
) -> None:
    async def remove(page: int) -> None:
        # The movie on which the page ended, and one that has not come yet.
        for position in (5 * page, COUNT - page):
            path = f"/api/session/{session_id}/movies/{position}/match"
            await service.client.delete(path)

    found = await pages(service, session_id, remove, limit=5)
    seen = [movie["position"] for page in found for movie in page]
    assert len(seen) == len(set(seen))
    left = await service.movies(session_id)
    assert {movie["position"] for movie in left} <= set(seen)


@pytest.mark.parametrize("sort", SORTS)
async def test_outcomes_can_be_picked(
    service: Service, daemon: Daemon, session_id: str, sort: str
) -> None:
    await daemon.answer(
        found={key(number): 1000 + number for number in range(11)},
        not_found=[key(number) for number in range(11, 24)],
        failed=[key(number) for number in range(24, 31)],
    )
    expected = {
        "found": range(1, 12),
        "not_found": range(12, 25),
        "failed": range(25, 32),
        "pending": range(32, COUNT + 1),
    }
    for outcome, positions in expected.items():
        found = await pages(service, session_id, outcome=outcome, sort=sort, limit=4)
        movies = [movie for page in found for movie in page]
        assert {movie["outcome"] for movie in movies} == {outcome}
        assert sorted(movie["position"] for movie in movies) == list(positions)


async def test_a_page_has_100_movies_when_nothing_is_said(service: Service) -> None:
    session_id = await service.session(*[f"Film {number}," for number in range(101)])
    first, second = await pages(service, session_id)
    assert (len(first), len(second)) == (100, 1)


async def test_what_tmdb_knows_stands_beside_what_the_user_said(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("Heat,1995,4.5", header="Title,Year,Rating")
    (pending,) = await service.movies(session_id)
    unknown = {
        name: pending[name]
        for name in ("tmdb_id", "tmdb_title", "poster_url", "overview", "reason", "confidence")
    }
    assert set(unknown.values()) == {None}
    assert (pending["genres"], pending["cast"], pending["candidates"]) == ([], [], [])

    await daemon.answer(found={"title:heat|1995": 949})
    (found,) = await service.movies(session_id)
    assert set(found) == set(pending)
    assert (found["title"], found["rating"], found["outcome"]) == ("Heat", 4.5, "found")
    assert (found["tmdb_id"], found["imdb_id"], found["confidence"]) == (949, "tt0000949", 100)
    assert (found["directors"], found["cast"]) == (["Somebody"], ["Anybody"])
    assert found["poster_url"] == "https://image.tmdb.org/t/p/w342/poster.jpg"


async def test_what_tmdb_said_more_than_180_days_ago_is_not_shown(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("Heat,1995", "Ran,1985")
    await daemon.answer(found={"title:heat|1995": 949, "title:ran|1985": 11645})
    await service.database.fetchval(
        """
        update catalogue set fetched_at = clock_timestamp() - interval '181 days'
        where tmdb_id = 949
        """
    )
    heat, ran = await service.movies(session_id)
    assert (heat["title"], heat["outcome"], heat["tmdb_id"]) == ("Heat", "found", None)
    assert (heat["genres"], heat["overview"], heat["poster_url"]) == ([], None, None)
    assert (ran["outcome"], ran["tmdb_id"]) == ("found", 11645)


async def test_what_was_not_found_shows_its_candidates_and_the_reason(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("Emma,1996")
    candidates: list[dict[str, object]] = [
        {"tmdb_id": 3573, "title": "Emma", "year": 1996, "score": 80, "poster_path": None}
    ]
    await daemon.answer(not_found=["title:emma|1996"], candidates=candidates)
    (movie,) = await service.movies(session_id)
    assert (movie["outcome"], movie["reason"]) == ("not_found", "because not_found")
    assert movie["candidates"] == candidates


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "parameters",
    [
        *[
            {"limit": limit}
            for limit in ("0", "1001", "-1", "ten", "1.0", "", "\u0661", "9" * 5_000)
        ],
        *[{"sort": sort} for sort in ("", "Title", "id; drop table movies", "popularity")],
        *[{"outcome": outcome} for outcome in ("", "FOUND", "none", "found,failed")],
        *[{"cursor": cursor} for cursor in ("x", "é", "====", "0" * 4_000)],
        {"cursor": packed(["position", "", 2**31])},
        {"cursor": packed(["position", "", -1])},
        {"cursor": packed(["position", "", True])},
        {"cursor": packed(["position", "", "1"])},
        {"cursor": packed(["position", None, 1])},
        {"cursor": packed(["position", "\0", 1])},
        {"cursor": packed(["position", "\ud800", 1])},
        {"cursor": packed(["\ud800", "", 1])},
        {"cursor": packed({"position": 1, "sort": 2, "key": 3})},
        {"cursor": packed([])},
        {"cursor": packed(5)},
        {"cursor": packed(["title", "heat", 1])},
        {"cursor": packed(["position", "", 1]), "sort": "title"},
        {"cursor": base64.urlsafe_b64encode(b"[" * 5_000).decode()},
        {"cursor": base64.urlsafe_b64encode(b'["position","",' + b"9" * 5_000 + b"]").decode()},
    ],
    ids=lambda parameters: " ".join(f"{name}={value[:40]}" for name, value in parameters.items()),
)
async def test_a_parameter_that_cannot_be_read(
    refusing: Service, parameters: dict[str, str]
) -> None:
    response = await refusing.client.get(
        "/api/session/00000000-0000-4000-8000-000000000000/movies", params=parameters
    )
    problem = await refusing.problem(response, 400, "bad_request")
    assert next(iter(parameters)) in problem["detail"]
    assert len(problem["detail"]) < 300
