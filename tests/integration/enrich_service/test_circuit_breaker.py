"""TMDB out for everybody: one probe decides, no film pays for it, and work resumes by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from enrich_service.storage.request_limit import RequestLimit
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]

FILMS = [
    "title:heat|1995",
    "title:alien|1979",
    "title:the matrix|1999",
    "title:se7en|1995",
    "title:toy story|1995",
    "title:la haine|1995",
]
ANOTHER_KEY = "fedcba9876543210fedcba9876543210"


async def state(database: Database) -> str:
    return str(await database.fetchval("select tmdb_state from fleet"))


async def attempts(database: Database) -> int:
    return int(await database.fetchval("select sum(attempts) from lookups"))


@pytest.mark.parametrize(
    "trouble",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 502, "body": "<html>bad gateway</html>"},
        {"kind": "status", "status": 404, "body": "<html>another host</html>"},
        {"kind": "status", "status": 302, "headers": {"Location": "/login"}},
        {"kind": "garbage"},
        {"kind": "reset"},
        {"kind": "hang"},
    ],
    ids=str,
)
async def test_an_outage_costs_no_attempt_and_ends_by_itself(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    break_tmdb: BreakTMDB,
    database: Database,
    trouble: dict[str, Any],
) -> None:
    break_tmdb({"match": "/3/", **trouble})
    session = await lists.add(*FILMS)
    worker = await make_worker(timeout_seconds=0.3, first_probe=0.4, longest_probe=0.4)
    with capture_logs() as events:
        await worker.start_scheduler()

        async def is_out() -> bool:
            return await state(database) == "down"

        await until(is_out)
        out_since = await database.fetchval("select tmdb_since from fleet")

        async def all_given_back() -> bool:
            return not await database.fetchval(
                "select exists (select from lookups where claimed_by is not null)"
            )

        await until(all_given_back)
        asked = tmdb.state.requests - tmdb.state.by_route["configuration"]
        before = [at for at in tmdb.state.arrivals if at <= out_since.timestamp()]
        assert len(before) <= asked + 1, "one probe for all that wonder"

        async def probed_again() -> bool:
            return tmdb.state.by_route["configuration"] >= 3

        await until(probed_again)
        assert tmdb.state.requests - tmdb.state.by_route["configuration"] == asked
        assert await attempts(database) == 0
        break_tmdb()

        async def completed() -> bool:
            return await lists.status(session) == "completed"

        await until(completed)
    assert await lists.counts(session) == (len(FILMS), 0, 0)
    assert await state(database) == "up"
    names = [event["event"] for event in events]
    assert (names.count("tmdb_down"), names.count("tmdb_up")) == (1, 1)


async def test_an_answer_to_an_earlier_request_does_not_charge_a_film_for_an_outage(
    *, make_worker: MakeWorker, lists: Lists, break_tmdb: BreakTMDB, database: Database
) -> None:
    break_tmdb(
        {"match": "query=heat", "kind": "delay", "seconds": 0.1}, {"match": "/3/", "kind": "hang"}
    )
    await lists.add(*FILMS)
    worker = await make_worker(timeout_seconds=0.5, first_probe=60.0)
    with capture_logs() as events:
        await worker.start_scheduler()

        async def is_out() -> bool:
            return await state(database) == "down" and not worker.get_status().in_flight

        await until(is_out)
    assert await attempts(database) == 0
    given_back = [event["key"] for event in events if event["event"] == "lookup_released"]
    assert sorted(given_back) == sorted(FILMS), (
        "though heat's search was answered before they failed"
    )


async def test_a_refused_key_costs_no_attempt_and_work_resumes_when_it_is_right(
    *, make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, database: Database
) -> None:
    right = tmdb.state.options
    tmdb.state.change_options(right.model_copy(update={"api_key": ANOTHER_KEY}))
    session = await lists.add(*FILMS)
    worker = await make_worker(first_probe=0.5, longest_probe=0.5)
    with capture_logs() as events:
        await worker.start_scheduler()

        async def is_refused() -> bool:
            return await state(database) == "refused" and not worker.get_status().in_flight

        await until(is_refused)
        probes = await database.fetchval("select tmdb_probes from fleet")
        probed_since = tmdb.state.by_route["configuration"]
        assert 1 <= probes <= 1 + probed_since, "however many films were refused at once"
        assert "HTTP 401" in await database.fetchval("select tmdb_reason from fleet")

        async def probed() -> bool:
            return tmdb.state.by_route["configuration"] >= 2

        await until(probed)
        assert await state(database) == "refused"
        assert await attempts(database) == 0
        tmdb.state.change_options(right)

        async def completed() -> bool:
            return await lists.status(session) == "completed"

        await until(completed)
    assert await lists.counts(session) == (len(FILMS), 0, 0)
    refused = [event for event in events if event["event"] == "tmdb_key_refused"]
    assert [event["log_level"] for event in refused] == ["error"]
    assert ANOTHER_KEY not in str(events)


async def test_a_daemon_that_starts_in_an_outage_asks_nothing_but_probes(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
    break_tmdb: BreakTMDB,
) -> None:
    break_tmdb({"match": "/3/", "kind": "status", "status": 500})
    session = await lists.add(*FILMS)
    await database.fetchval(
        """
        update fleet
        set tmdb_state = 'down', tmdb_reason = 'test', tmdb_probe_at = clock_timestamp()
        """
    )
    worker = await make_worker()
    await worker.start_scheduler()

    async def probed_often() -> bool:
        return tmdb.state.by_route["configuration"] >= 3

    await until(probed_often)
    assert tmdb.state.requests == tmdb.state.by_route["configuration"]
    break_tmdb()

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed)


async def test_a_probe_that_is_over_the_limit_is_an_answer(
    *, make_worker: MakeWorker, lists: Lists, database: Database, break_tmdb: BreakTMDB
) -> None:
    """Some answer comes; the film's own trouble is charged to the film, then."""
    break_tmdb(
        {"match": "configuration", "kind": "status", "status": 429},
        {"match": "/3/", "kind": "status", "status": 500},
    )
    session = await lists.add("title:heat|1995")
    worker = await make_worker(request_limit=RequestLimit(500, 0.2, 0.1))
    await worker.start_scheduler()

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed)
    assert await lists.counts(session) == (0, 0, 1)
    held = await database.fetchval("select hold_until > '-infinity' from request_window")
    assert held, "and it concerns the whole fleet"
    assert await state(database) == "up"


async def test_while_tmdb_is_out_a_paused_fleet_does_not_even_probe(
    *, make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, database: Database
) -> None:
    await lists.add(*FILMS)
    await database.fetchval(
        """
        update fleet
        set tmdb_state = 'down', tmdb_reason = 'test', tmdb_probe_at = clock_timestamp(),
          paused_since = clock_timestamp()
        """
    )
    worker = await make_worker(interval=0.05)
    await worker.start_scheduler()

    async def paused_and_ticked() -> bool:
        status = worker.get_status()
        return status.worker_status == "paused" and status.last_run is not None

    await until(paused_and_ticked)
    assert tmdb.state.requests == 0
