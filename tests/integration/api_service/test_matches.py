"""Corrections: a movie gets another lookup, or leaves, and the counts stay exact."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from tests.support.api_client import Notified, Service
    from tests.support.scripted_daemon import ScriptedDaemon

HEAT = "title:heat|1995"
FARGO = "title:fargo|1996"


async def correct(service: Service, session_id: str, position: int, body: object) -> ClientResponse:
    path = f"/api/session/{session_id}/movies/{position}/match"
    return await service.client.put(path, json=body)


async def corrected(
    service: Service, session_id: str, position: int, body: object
) -> dict[str, Any]:
    response = await correct(service, session_id, position, body)
    movie: dict[str, Any] = await response.json()
    assert response.status == 200, movie
    assert await service.drifted() == []
    return movie


async def remove(service: Service, session_id: str, position: int) -> ClientResponse:
    return await service.client.delete(f"/api/session/{session_id}/movies/{position}/match")


@pytest.mark.parametrize(
    ("body", "key"),
    [({"tmdb_id": 603}, "tmdb:603"), ({"imdb_id": "tt0133093"}, "imdb:tt0133093")],
)
async def test_a_film_nobody_asked_for_yet_is_queued(
    service: Service, daemon: ScriptedDaemon, body: object, key: str
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996")
    await daemon.answer(found={HEAT: 949, FARGO: 275})
    assert (await service.status(session_id))["completed_at"] is not None

    movie = await corrected(service, session_id, 2, body)
    assert (movie["position"], movie["title"], movie["outcome"]) == (2, "Fargo", "pending")
    assert movie["tmdb_id"] is None
    assert await service.counts(session_id) == ("enriching", 2, 1, 0, 0)
    assert (await service.status(session_id))["completed_at"] is None
    assert await service.queue() == [key]

    await daemon.answer(found={key: 603})
    assert await service.counts(session_id) == ("completed", 2, 2, 0, 0)
    assert [movie["tmdb_id"] for movie in await service.movies(session_id)] == [949, 603]


async def test_a_film_that_is_known_counts_at_once(
    service: Service, daemon: ScriptedDaemon
) -> None:
    await service.session("Matrix,603", header="Title,TMDB ID")
    session_id = await service.session("Heat,1995", "Fargo,1996")
    await daemon.answer(found={"tmdb:603": 603}, not_found=[HEAT], failed=[FARGO])

    movie = await corrected(service, session_id, 1, {"tmdb_id": 603})
    assert (movie["outcome"], movie["tmdb_id"]) == ("found", 603)
    assert await service.counts(session_id) == ("completed", 2, 1, 0, 1)
    await corrected(service, session_id, 2, {"tmdb_id": 603})
    assert await service.counts(session_id) == ("completed", 2, 2, 0, 0)


async def test_what_was_not_found_shows_candidates_and_one_of_them_can_be_chosen(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996")
    candidates: list[dict[str, object]] = [
        {"tmdb_id": number, "title": "Fargo", "year": 1996, "score": 70, "poster_path": None}
        for number in range(275, 280)
    ]
    await daemon.answer(found={HEAT: 949}, not_found=[FARGO], candidates=candidates)
    (lost,) = await service.movies(session_id, outcome="not_found")
    assert (lost["position"], lost["candidates"]) == (2, candidates)
    assert await service.movies(session_id, outcome="unmatched") == [lost]

    await corrected(service, session_id, 2, {"tmdb_id": lost["candidates"][0]["tmdb_id"]})
    assert await service.counts(session_id) == ("enriching", 2, 1, 0, 0)
    await daemon.answer(found={"tmdb:275": 275})
    assert await service.counts(session_id) == ("completed", 2, 2, 0, 0)
    assert await service.movies(session_id, outcome="not_found") == []


async def test_only_the_one_movie_is_corrected(service: Service, daemon: ScriptedDaemon) -> None:
    one = await service.session("Heat,1995", "Ran,1985")
    other = await service.session("Heat,1995")
    await daemon.answer(found={HEAT: 1})
    await corrected(service, one, 1, {"tmdb_id": 949})
    (movie,) = await service.movies(other)
    assert (movie["outcome"], movie["tmdb_id"]) == ("found", 1)
    assert await service.counts(other) == ("completed", 1, 1, 0, 0)
    assert await service.counts(one) == ("enriching", 2, 0, 0, 0)


async def test_of_twins_one_can_be_told_from_the_other(
    service: Service, daemon: ScriptedDaemon
) -> None:
    twins = (
        "Date,Name,Year,Letterboxd URI\n"
        "2023-01-05,Emma,1996,https://boxd.it/1\n2023-01-06,Emma,1996,https://boxd.it/2\n"
    )
    answer = await (await service.upload_files(("watched.csv", twins))).json()
    session_id = answer["session_id"]
    await daemon.answer(not_found=["twins:emma|1996"])
    assert await service.counts(session_id) == ("completed", 2, 0, 2, 0)
    await corrected(service, session_id, 1, {"tmdb_id": 3573})
    assert await service.counts(session_id) == ("enriching", 2, 0, 1, 0)


@pytest.mark.parametrize("ended", ["not_found", "failed"])
async def test_a_film_that_was_asked_for_in_vain_is_asked_for_again(
    service: Service, daemon: ScriptedDaemon, ended: str
) -> None:
    bystander = await service.session("Matrix,603", header="Title,TMDB ID")
    session_id = await service.session("Heat,1995")
    if ended == "failed":
        await daemon.answer(failed=["tmdb:603"], found={HEAT: 949})
    else:
        await daemon.answer(not_found=["tmdb:603"], found={HEAT: 949})
    movie = await corrected(service, session_id, 1, {"tmdb_id": 603})
    assert movie["outcome"] == "pending"
    assert await service.queue() == ["tmdb:603"]
    assert await service.counts(bystander) == ("enriching", 1, 0, 0, 0)


async def test_the_same_correction_again_changes_nothing(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await service.session("Heat,1995")
    await corrected(service, session_id, 1, {"tmdb_id": 949})
    await daemon.answer(found={"tmdb:949": 949})
    before = await service.movies(session_id)
    assert await corrected(service, session_id, 1, {"tmdb_id": 949}) == before[0]
    assert await service.counts(session_id) == ("completed", 1, 1, 0, 0)


async def test_a_correction_does_not_wait_behind_somebody_elses_long_list(
    service: Service,
) -> None:
    await service.session(
        *[f"Film {number},{number}" for number in range(1, 201)], header="Title,TMDB ID"
    )
    session_id = await service.session("Heat,1995")
    await corrected(service, session_id, 1, {"tmdb_id": 200})
    assert (await service.queue()).index("tmdb:200") < 3


async def test_a_correction_wakes_the_daemons(service: Service, notified: Notified) -> None:
    session_id = await service.session("Heat,1995")
    await notified.settle()
    notified.clear()
    await corrected(service, session_id, 1, {"tmdb_id": 949})
    await notified.settle()
    assert notified.of("new_work") == ["1"], "the lowest of their turns"
    assert notified.of("session_progress") == [session_id]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"603",
        b"null",
        b"{}",
        b'{"tmdb_id": null}',
        b'{"tmdb_id": "603"}',
        b'{"tmdb_id": 603.5}',
        b'{"tmdb_id": 1e400}',
        b'{"tmdb_id": 0}',
        b'{"tmdb_id": -1}',
        b'{"tmdb_id": true}',
        b'{"tmdb_id": 2147483648}',
        b'{"tmdb_id": ' + b"9" * 5_000 + b"}",
        b'{"imdb_id": "0133093"}',
        b'{"imdb_id": "tt1"}',
        b'{"imdb_id": "tt0133093\\u0000"}',
        b'{"imdb_id": "tt0133093\\n"}',
        b'{"imdb_id": "tt\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661\\u0661"}',
        b'{"imdb_id": "nm0000206"}',
        b'{"tmdb_id": 603, "imdb_id": "tt0133093"}',
        b'{"tmdb_id": 603, "title": "The Matrix"}',
        b'{"tmdb_id": 603}\xff',
        b"[" * 10_000,
        b"\xff\xfe",
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
async def test_a_body_that_names_no_film(service: Service, body: bytes) -> None:
    session_id = await service.session("Heat,1995")
    response = await service.client.put(f"/api/session/{session_id}/movies/1/match", data=body)
    problem = await service.problem(response, 422, "invalid_body")
    assert "tmdb_id" in problem["detail"]


async def test_a_body_of_more_than_16_kilobytes(service: Service) -> None:
    path = f"/api/session/{await service.session('Heat,1995')}/movies/1/match"
    padded = b'{"tmdb_id": 603' + b" " * (16 * 1024 - 16) + b"}"
    for body, status in ((padded, 200), (padded + b" ", 413)):
        response = await service.client.put(path, data=io.BytesIO(body))
        assert response.status == status
    await service.problem(response, 413, "body_too_large")


async def test_the_body_for_an_unknown_session_is_not_waited_for(refusing: Service) -> None:
    path = "/api/session/00000000-0000-4000-8000-000000000000/movies/1/match"
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n"
    reader, writer = await asyncio.open_connection(refusing.client.host, refusing.client.port)
    writer.write(head.encode())
    async with asyncio.timeout(15):  # before the body would be given up
        assert (await reader.readline()).split()[1] == b"404"
    writer.close()


async def test_a_position_that_is_not_there_stores_nothing(service: Service) -> None:
    session_id = await service.session("Heat,1995")
    before = await service.stored()
    for position in (2, 999_999_999):
        put = await correct(service, session_id, position, {"tmdb_id": 603})
        await service.problem(put, 404, "movie_not_found")
        await service.problem(await remove(service, session_id, position), 404, "movie_not_found")
    for text in ("0", "-1", "x", "1.0", "9999999999"):
        path = f"/api/session/{session_id}/movies/{text}/match"
        response = await service.client.put(path, json={"tmdb_id": 603})
        await service.problem(response, 404, "not_found")
    assert await service.stored() == before


# -- it is no film ---------------------------------------------------------------------------------


async def test_what_is_no_film_leaves_the_session_and_its_counts(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996", "Ran,1985", "M,1931")
    await daemon.answer(found={HEAT: 949}, not_found=[FARGO], failed=["title:ran|1985"])
    expected = [
        ("enriching", 3, 0, 1, 1),
        ("enriching", 2, 0, 0, 1),
        ("enriching", 1, 0, 0, 0),
        ("completed", 0, 0, 0, 0),
    ]
    for position, counts in enumerate(expected, 1):
        response = await remove(service, session_id, position)
        assert (response.status, await response.read()) == (204, b"")
        assert await service.counts(session_id) == counts
        assert await service.drifted() == []
    status = await service.status(session_id)
    assert (status["progress_percent"], status["eta_seconds"]) == (100, 0)
    assert status["completed_at"] is not None
    assert await service.movies(session_id) == []
    again = await remove(service, session_id, 1)
    await service.problem(again, 404, "movie_not_found")


async def test_when_the_last_pending_movie_leaves_the_session_is_complete(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996")
    await daemon.answer(found={HEAT: 949})
    await remove(service, session_id, 2)
    assert await service.counts(session_id) == ("completed", 1, 1, 0, 0)
    assert (await service.status(session_id))["completed_at"] is not None


async def test_the_other_movies_keep_their_positions(service: Service) -> None:
    session_id = await service.session("Heat,1995", "Fargo,1996", "Ran,1985")
    await remove(service, session_id, 2)
    assert [movie["position"] for movie in await service.movies(session_id)] == [1, 3]


async def test_corrections_of_one_session_at_once_leave_its_counts_exact(
    service: Service, daemon: ScriptedDaemon
) -> None:
    session_id = await service.session(*[f"Film {number},2000" for number in range(12)])
    await daemon.answer(
        found={f"title:film {number}|2000": 100 + number for number in range(6)},
        not_found=[f"title:film {number}|2000" for number in range(6, 12)],
    )
    responses = await asyncio.gather(
        *[correct(service, session_id, 1 + number, {"tmdb_id": 7}) for number in range(12)],
        *[remove(service, session_id, 1 + number) for number in range(0, 12, 2)],
        *[correct(service, session_id, 1 + number, {"tmdb_id": 8}) for number in range(12)],
    )
    assert {response.status for response in responses} <= {200, 204, 404}
    assert await service.drifted() == []
    assert (await service.counts(session_id))[:2] == ("enriching", 6)
