"""A session's events: what those who look on are told, and when."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from enrich_service.storage.fleet import FleetStorage
from shared.models import TMDBState
from tests.support.driving import ADMIN_TOKEN, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import asyncpg

    from enrich_service.worker import EnrichmentWorker
    from tests.support.api_answering import Daemon
    from tests.support.api_driving import Service

    MakeService = Callable[..., Awaitable[Service]]

ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
A, B, C = "title:a|2000", "title:b|2001", "title:c|2002"
ROWS = ("A,2000", "B,2001", "C,2002")


# -- how it begins -----------------------------------------------------------------------------


async def test_it_begins_with_how_everything_stands(service: Service, daemon: Daemon) -> None:
    session_id = await service.session(*ROWS)
    await daemon.answer(found={A: 1}, not_found=[B])
    async with service.events(session_id) as stream:
        await stream.until(lambda: stream.of("films"))
        assert [event.name for event in stream.events] == ["status", "fleet", "films"]
        assert stream.last("status") == await service.status(session_id)
        assert stream.last("fleet") == {
            "worker_status": "stopped",
            "tmdb_state": "up",
            "tmdb_reason": None,
        }
        assert [film["position"] for film in stream.last("films")["films"]] == [2, 1]
        assert stream.last("films")["films"][1] == {
            "position": 1,
            "title": "A",
            "year": 2000,
            "outcome": "found",
            "poster_url": "https://image.tmdb.org/t/p/w342/poster.jpg",
        }
        assert stream.retry is not None
        assert 1000 <= stream.retry <= 3000
        headers = stream.response.headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"


@pytest.mark.parametrize("session_id", [uuid4(), "no-uuid"])
async def test_of_an_unknown_session_no_stream_begins(service: Service, session_id: object) -> None:
    response = await service.client.get(f"/api/session/{session_id}/events")
    await service.problem(response, 404, "session_not_found")


async def test_its_head_alone_is_answered_at_once(service: Service) -> None:
    session_id = await service.session(*ROWS)
    response = await service.client.head(f"/api/session/{session_id}/events")
    assert (response.status, response.content_type) == (200, "text/event-stream")
    assert service.open_streams == 0


async def test_of_a_film_without_a_title_tmdbs_is_told(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("603", header="tmdbID")
    await daemon.answer(found={"tmdb:603": 603})
    async with service.events(session_id) as stream:
        await stream.until_films(1)
        assert [film["title"] for film in stream.films()] == ["Film 603"]


async def test_films_that_were_answered_long_before_the_list_came_are_among_the_first(
    service: Service, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_service.storage.events.MOST_ANSWERS", 1)
    await service.session(*ROWS)
    await daemon.answer(found={A: 1})
    await daemon.answer(found={B: 2})
    session_id = await service.session(*ROWS, "Z,1990")
    await daemon.answer(found={"title:z|1990": 9})
    async with service.events(session_id) as stream:
        assert [film["position"] for film in await stream.until_films(3)] == [1, 2, 4]


async def test_of_a_long_list_whose_films_were_all_answered_long_ago_some_are_told(
    service: Service, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api_service.storage.events.MOST_ANSWERS", 1)
    monkeypatch.setattr("api_service.storage.events.MOST_MOVIES", 2)
    session_id = await service.session(*ROWS)
    await daemon.answer(found={A: 1})
    await daemon.answer(found={B: 2})
    await daemon.answer(found={C: 3})
    await service.session("Z,1990")
    await daemon.answer(found={"title:z|1990": 9})
    async with service.events(session_id) as stream:
        await stream.until_films(2)


async def test_at_most_24_films_are_told_of_and_the_newest_ones(
    service: Service, daemon: Daemon
) -> None:
    keys = [f"title:film {number}|2000" for number in range(30)]
    session_id = await service.session(*(f"Film {number},2000" for number in range(30)))
    for first in range(0, 30, 10):
        await daemon.answer(found=dict(zip(keys[first : first + 10], range(1, 11), strict=True)))
    async with service.events(session_id) as stream:
        await stream.until_films(1)
        told = [film["position"] for film in stream.last("films")["films"]]
        assert len(told) == 24
        assert set(told) > set(range(11, 31))


async def test_who_comes_back_is_told_only_of_films_that_it_does_not_have(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session(*ROWS)
    await daemon.answer(found={A: 1})
    async with service.events(session_id) as stream:
        await stream.until_films(1)
        last_id = stream.events[-1].last_id
    assert last_id is not None
    await daemon.answer(found={B: 2})
    async with service.events(session_id, Last_Event_ID=last_id) as stream:
        await stream.until_films(1)
        assert [film["position"] for film in stream.films()] == [2]
    async with service.events(session_id, Last_Event_ID="no number") as stream:
        await stream.until_films(2)


# -- what it tells -----------------------------------------------------------------------------


async def test_it_follows_a_session_to_its_completion(
    service: Service, worker: EnrichmentWorker
) -> None:
    session_id = await service.session("The Matrix,1999", "Heat,1995", "No Film Of This Name,1987")
    async with service.events(session_id) as stream:
        assert stream.last("status")["status"] == "enriching"
        await worker.start_scheduler()
        status = await stream.until_status(status="completed")
        await worker.stop_scheduler()
        assert status == await service.status(session_id)
        assert (status["enriched_count"], status["not_found_count"]) == (2, 1)
        await stream.until_films(3)
        films = {film["position"]: film for film in stream.films()}
        assert len(films) == 3, "each was told of once"
        assert films[1]["title"] == "The Matrix"
        assert films[1]["poster_url"]
        assert films[3]["outcome"] == "not_found"
        assert not stream.ended


async def test_a_correction_after_the_completion_arrives(service: Service, daemon: Daemon) -> None:
    session_id = await service.session("A,2000", "B,2001")
    await daemon.answer(found={A: 1}, not_found=[B])
    async with service.events(session_id) as stream:
        assert stream.last("status")["status"] == "completed"
        match = f"/api/session/{session_id}/movies/2/match"
        assert (await service.client.put(match, json={"tmdb_id": 603})).status == 200
        await stream.until_status(status="enriching", not_found_count=0)
        await daemon.answer(found={"tmdb:603": 603})
        await stream.until_status(status="completed", enriched_count=2)
        await stream.until_films(3)
        assert stream.films()[-1]["position"] == 2
        # To another film that is known already: no count moves, and who looks on is told.
        told = len(stream.of("status"))
        assert (await service.client.put(match, json={"tmdb_id": 603})).status == 200
        assert (
            await service.client.put(
                f"/api/session/{session_id}/movies/1/match", json={"tmdb_id": 603}
            )
        ).status == 200
        await stream.until(lambda: len(stream.of("status")) > told)
        assert (await service.client.delete(match)).status == 204
        await stream.until_status(total_movies=1)


async def test_what_is_asked_again_after_the_completion_arrives(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session("A,2000", "B,2001")
    await daemon.answer(found={A: 1}, failed=[B])
    async with service.events(session_id) as stream:
        await service.client.post(f"/api/session/{session_id}/enrich")
        await stream.until_status(status="enriching", failed_count=0)
        await daemon.answer(found={B: 2})
        await stream.until_status(status="completed", enriched_count=2)
        await stream.until_films(3)
        assert [film["outcome"] for film in stream.films()][-1] == "found"


async def test_more_files_for_the_session_arrive(service: Service) -> None:
    session_id = await service.session("A,2000")
    async with service.events(session_id) as stream:
        answer = await service.client.post(
            f"/api/session/{session_id}/upload",
            data=b"Title,Year\nB,2001\n",
            headers={"Content-Type": "text/csv"},
        )
        assert answer.status == 200
        await stream.until_status(total_movies=2)


async def test_a_film_whose_answer_is_committed_late_is_told_of_once(
    service: Service, daemon: Daemon, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Its time is from before it could be seen, and before that of films told of already."""
    session_id = await service.session(*ROWS)
    async with service.events(session_id) as stream:
        async with other.transaction():
            await other.execute(
                """
                update lookups
                set outcome = 'failed', answered_at = clock_timestamp(), due_at = null, turn = null
                where key = $1
                """,
                A,
            )
            await daemon.answer(found={B: 2})
            await stream.until_films(1)
            await other.execute("select pg_notify('session_progress', $1)", session_id)
        await stream.until_films(2)
        await daemon.answer(found={C: 3})
        await stream.until_films(3)
        assert [film["position"] for film in stream.films()] == [2, 1, 3]


async def test_all_streams_of_a_session_are_told_the_same_and_others_nothing(
    service: Service, daemon: Daemon
) -> None:
    session_id = await service.session(*ROWS)
    stranger = await service.session("Z,1990")
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        streams = [await enter(service.events(session_id)) for _ in range(5)]
        other = await enter(service.events(stranger))
        for key, tmdb_id in ((A, 1), (B, 2), (C, 3)):
            await daemon.answer(found={key: tmdb_id})
        for stream in streams:
            await stream.until_status(status="completed")
            await stream.until_films(3)
            assert [film["position"] for film in stream.films()] == [1, 2, 3]
        assert len(other.of("status")) == 1
        assert other.films() == []


async def test_a_session_that_changes_fast_is_told_of_a_few_times_and_to_its_end(
    service: Service, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    session_id = await service.session(*ROWS)
    async with service.events(session_id) as stream:
        for _ in range(200):
            await other.execute("select pg_notify('session_progress', $1)", session_id)
        await other.execute(
            "update session_counts set failed = 3 where session_id = $1::text::uuid", session_id
        )
        await other.execute("select pg_notify('session_progress', $1)", session_id)
        await stream.until_status(failed_count=3)
        assert len(stream.of("status")) < 20


async def test_who_has_left_is_forgotten(service: Service, daemon: Daemon) -> None:
    session_id = await service.session(*ROWS)
    async with service.events(session_id), service.events(session_id):
        assert service.open_streams == 2
    await daemon.answer(found={A: 1})
    await until(lambda: service.open_streams == 0)


# -- the fleet ---------------------------------------------------------------------------------


async def test_pausing_resuming_and_stopping_are_told_to_everybody(
    service: Service, daemon: Daemon
) -> None:
    await daemon.beat()
    waiting, done = await service.session(*ROWS), await service.session("Z,1990")
    await daemon.answer(found={"title:z|1990": 9})
    async with service.events(waiting) as first, service.events(done) as second:
        assert first.last("fleet")["worker_status"] == "running"
        assert first.last("status")["eta_seconds"] is not None
        assert (await service.client.post("/worker/pause", headers=ADMIN)).status == 200
        await first.until_fleet(worker_status="paused")
        await second.until_fleet(worker_status="paused")
        await first.until_status(eta_seconds=None)
        assert (await service.client.post("/worker/resume", headers=ADMIN)).status == 200
        await first.until_fleet(worker_status="running")
        await second.until_fleet(worker_status="running")
        await first.until(lambda: first.last("status")["eta_seconds"] is not None)
        await service.database.fetchval("delete from workers")
        await first.until_fleet(worker_status="stopped")
        assert len(first.of("fleet")) == 4


async def test_tmdbs_state_is_told_with_its_reason(service: Service) -> None:
    fleet = FleetStorage(service.database)
    session_id = await service.session(*ROWS)
    async with service.events(session_id) as stream:
        await fleet.tmdb_is_out(
            TMDBState.REFUSED, "Invalid API key.", first_pause=1.0, longest_pause=60.0
        )
        await stream.until_fleet(tmdb_state="refused", tmdb_reason="Invalid API key.")
        await fleet.tmdb_is_up()
        await stream.until_fleet(tmdb_state="up", tmdb_reason=None)
