"""What each trouble with one film does to it, and what it does not do to the others."""

from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from enrich_service.storage.request_limit import RequestLimit
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from shared.postgres.transactions import Connection
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]
    Finish = Callable[..., Awaitable[None]]

HEAT, ALIEN, MATRIX = "title:heat|1995", "title:alien|1979", "title:the matrix|1999"
UP, DOWN = "up", "down"


@pytest.fixture
def finish(make_worker: MakeWorker, lists: Lists) -> Finish:
    """Runs a worker with these options until the session is completed."""

    async def run(session: UUID, **options: Any) -> None:  # noqa: ANN401  # an option's value
        worker = await make_worker(**options)
        await worker.start_scheduler()

        async def completed() -> bool:
            return await lists.status(session) == "completed"

        await until(completed)
        await worker.stop_scheduler()

    return run


# -- answers that say what they mean -----------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("title:no film of this name|1987", "no_candidates"),
        ("title:breaking bad|2008", "tv"),
        ("title:the haunted castle|1897", "ambiguous"),
        ("title:heat|1951", "other_year"),
        ("twins:heat|1995", "ambiguous"),
        ("tmdb:999999999", "unknown_id"),
        ("imdb:tt9999999", "unknown_id"),
        ("imdb:tt0903747", "tv"),
    ],
)
async def test_what_is_no_film_is_not_found_for_a_reason(
    finish: Finish, lists: Lists, tmdb: RunningStandIn, key: str, reason: str
) -> None:
    session = await lists.add(key)
    with capture_logs() as events:
        await finish(session)
    row = await lists.lookup(key)
    assert (row["outcome"], row["reason"], row["attempts"]) == ("not_found", reason, 0)
    assert tmdb.state.answered[429] == 0
    (said,) = [event for event in events if event["event"] == "movie_not_found"]
    assert (said["session_id"], said["key"], said["reason"], said["log_level"]) == (
        str(session),
        key,
        reason,
        "warning",
    )


async def test_candidates_of_an_ambiguous_title_are_kept(finish: Finish, lists: Lists) -> None:
    await finish(await lists.add("title:the haunted castle|1897"))
    candidates = json.loads((await lists.lookup("title:the haunted castle|1897"))["candidates"])
    assert len(candidates) == 2
    assert {candidate["year"] for candidate in candidates} == {1897}


async def test_a_film_that_is_gone_between_search_and_details_is_not_found(
    finish: Finish, lists: Lists, break_tmdb: BreakTMDB
) -> None:
    session = await lists.add(HEAT, ALIEN)
    break_tmdb({"match": "/3/movie/949", "kind": "status", "status": 404})
    await finish(session)
    assert await lists.counts(session) == (1, 1, 0)
    assert (await lists.lookup(HEAT))["reason"] == "gone"


async def test_a_request_that_tmdb_will_never_accept_fails_at_once(
    finish: Finish, lists: Lists, tmdb: RunningStandIn, break_tmdb: BreakTMDB
) -> None:
    session = await lists.add(HEAT, ALIEN)
    break_tmdb({"match": "query=heat", "kind": "status", "status": 422})
    await finish(session)
    row = await lists.lookup(HEAT)
    assert (row["outcome"], tmdb.state.faults.struck["status"]) == ("failed", 1)
    assert "HTTP 422" in row["reason"]
    assert await lists.counts(session) == (1, 0, 1)


# -- one film's trouble ------------------------------------------------------------------------

TROUBLES = [
    ({"kind": "status", "status": 500}, "HTTP 500"),
    ({"kind": "status", "status": 503, "body": "<html>busy</html>"}, "HTTP 503"),
    ({"kind": "garbage"}, "HTTP 200"),
    ({"kind": "wrong_shape"}, "HTTP 200"),
    ({"kind": "truncated"}, "cut short"),
    ({"kind": "reset"}, "ended before the answer"),
    ({"kind": "hang"}, "no answer in time"),
]


@pytest.mark.parametrize(("trouble", "reason"), TROUBLES, ids=lambda case: str(case)[:40])
async def test_a_film_that_fails_again_and_again_fails_with_a_reason_and_the_others_go_on(
    *,
    finish: Finish,
    lists: Lists,
    tmdb: RunningStandIn,
    break_tmdb: BreakTMDB,
    database: Database,
    trouble: dict[str, Any],
    reason: str,
) -> None:
    session = await lists.add(HEAT, ALIEN, MATRIX)
    break_tmdb({"match": "query=heat", **trouble})
    await finish(session, timeout_seconds=0.3)
    assert await lists.counts(session) == (2, 0, 1)
    row = await lists.lookup(HEAT)
    assert row["outcome"] == "failed"
    assert reason in row["reason"]
    assert tmdb.state.faults.struck[trouble["kind"]] == 5, "so many attempts"
    assert await database.fetchval("select tmdb_state from fleet") == UP
    assert await lists.drifted() == []


@pytest.mark.parametrize("trouble", [trouble for trouble, _ in TROUBLES], ids=str)
async def test_a_film_whose_trouble_passes_is_found(
    finish: Finish, lists: Lists, break_tmdb: BreakTMDB, trouble: dict[str, Any]
) -> None:
    session = await lists.add(HEAT, ALIEN)
    break_tmdb({"match": "/3/movie/949", "times": 3, **trouble})
    await finish(session, timeout_seconds=0.3)
    assert await lists.counts(session) == (2, 0, 0)
    assert (await lists.lookup(HEAT))["attempts"] == 0


async def test_attempts_come_further_and_further_apart(
    finish: Finish, lists: Lists, break_tmdb: BreakTMDB
) -> None:
    session = await lists.add(HEAT, ALIEN)
    break_tmdb({"match": "query=heat", "kind": "status", "status": 500})
    with capture_logs() as events:
        await finish(session, first_backoff=0.04, longest_backoff=0.1)
    retries = [event for event in events if event["event"] == "lookup_retry"]
    assert [event["attempts"] for event in retries] == [1, 2, 3, 4]
    for event, longest in zip(retries, (0.04, 0.08, 0.1, 0.1), strict=True):
        assert longest / 2 <= event["backoff_seconds"] <= longest


# -- too many requests -------------------------------------------------------------------------


@pytest.mark.parametrize(("headers", "held"), [({"Retry-After": "1"}, 1.0), ({}, 0.6)])
async def test_too_many_requests_hold_the_fleet_and_cost_no_attempt(
    *,
    finish: Finish,
    lists: Lists,
    tmdb: RunningStandIn,
    break_tmdb: BreakTMDB,
    database: Database,
    headers: dict[str, str],
    held: float,
) -> None:
    """Without Retry-After the hold is one period, here 0.6 s."""
    session = await lists.add(HEAT)
    break_tmdb(
        {"match": "query=heat", "kind": "status", "status": 429, "headers": headers, "times": 2}
    )
    await finish(session, attempts=1, request_limit=RequestLimit(500, 0.6, 0.2))
    assert await lists.counts(session) == (1, 0, 0)
    first, second, third, *_ = tmdb.state.arrivals
    assert min(later - earlier for earlier, later in pairwise((first, second, third))) >= held
    hold_until = await database.fetchval("select hold_until from request_window")
    assert held <= hold_until.timestamp() - second <= held + 1


async def test_a_retry_after_of_days_holds_for_an_hour_at_most(
    *, make_worker: MakeWorker, lists: Lists, break_tmdb: BreakTMDB, database: Database
) -> None:
    await lists.add(HEAT)
    break_tmdb(
        {"match": "heat", "kind": "status", "status": 429, "headers": {"Retry-After": "999999"}}
    )
    worker = await make_worker(drain=0.1)
    await worker.start_scheduler()

    async def held() -> bool:
        return bool(
            await database.fetchval(
                """
                select hold_until between clock_timestamp() + interval '59 min'
                  and clock_timestamp() + interval '60 min'
                from request_window
                """
            )
        )

    await until(held)


# -- defects of our own ------------------------------------------------------------------------


async def test_a_question_that_cannot_be_asked_fails_and_the_others_go_on(
    finish: Finish, lists: Lists
) -> None:
    """No film has the TMDB id 0: asking for it is a mistake of ours."""
    session = await lists.add("tmdb:0", HEAT, "title:|1999")
    with capture_logs() as events:
        await finish(session)
    assert await lists.counts(session) == (1, 0, 2)
    assert (await lists.lookup("tmdb:0"))["reason"] == "internal error: ValueError"
    defects = [event["key"] for event in events if event["event"] == "lookup_crashed"]
    assert sorted(defects) == ["title:|1999"] * 5 + ["tmdb:0"] * 5


async def test_an_answer_that_cannot_be_saved_fails_and_the_others_are_saved(
    finish: Finish, lists: Lists, break_tmdb: BreakTMDB
) -> None:
    """A runtime of 3,000,000,000 minutes does not go into PostgreSQL's integer."""
    session = await lists.add(HEAT, ALIEN, MATRIX)
    break_tmdb(
        {
            "match": "/3/movie/949",
            "kind": "status",
            "status": 200,
            "body": {
                "id": 949,
                "title": "Heat",
                "runtime": 3_000_000_000,
                "credits": {"cast": [], "crew": []},
            },
        }
    )
    with capture_logs() as events:
        await finish(session)
    assert [event["event"] for event in events].count("lookup_crashed") == 5
    assert await lists.counts(session) == (2, 0, 1)
    assert (await lists.lookup(HEAT))["reason"] == "internal error: DataError"
    assert await lists.drifted() == []


async def test_the_heart_beats_on_while_a_rescue_gets_no_answer(
    make_worker: MakeWorker, database: Database
) -> None:
    worker = await make_worker(heartbeat=0.2)
    await worker.start_scheduler()
    beats: set[object] = set()

    async def beats_on() -> bool:
        query = "select heartbeat_at from workers where id = $1"
        beats.add(await database.fetchval(query, worker.worker_id))
        return len(beats) > 3

    await until(beats_on)
    async with asyncio.timeout(60):

        async def while_nobody_can_read_the_queue(connection: Connection) -> None:
            await connection.execute("lock table lookups in access exclusive mode")
            beats.clear()
            await until(beats_on)

        await database.transact(while_nobody_can_read_the_queue)
    await worker.stop_scheduler()
