"""TMDB out for one daemon only: the fleet works on without it, and it comes back by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from enrich_service.storage.request_limit import RequestLimit
from shared.models import TMDBState
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]

OTHER_KEY = "fedcba9876543210fedcba9876543210"
TROUBLES = {
    "refused": {"kind": "status", "status": 401},
    "down": {"kind": "status", "status": 502, "body": "<html>no way through</html>"},
}
FIRST = ["title:heat|1995", "title:alien|1979", "title:the matrix|1999"]
SECOND = ["title:se7en|1995", "title:toy story|1995", "title:la haine|1995"]


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_one_that_is_cut_off_claims_nothing_while_others_work(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
    break_tmdb: BreakTMDB,
    trouble: str,
) -> None:
    cut_off = await make_worker(api_key=OTHER_KEY)
    other = await make_worker(interval=0.1)  # nobody sends NOTIFY here
    break_tmdb({"match": OTHER_KEY, **TROUBLES[trouble]})
    with capture_logs() as events:
        session = await lists.add(*FIRST)
        await cut_off.start_scheduler()

        async def is_out() -> bool:
            return await _state(database) == trouble

        await until(is_out)
        await other.start_scheduler()

        async def completed() -> bool:
            return await lists.status(session) == "completed"

        await until(completed)

        async def knows_it_is_alone() -> bool:
            return any(event["event"] == "tmdb_cut_off" for event in events)

        await until(knows_it_is_alone)
        assert cut_off.get_status().tmdb_state == trouble
        assert other.get_status().tmdb_state is TMDBState.UP
        assert await _state(database) == "up"
        # From here on its probes go on as they did, and whatever it asked for a film would hang.
        films = {"match": f"/3/(search|movie)/.*{OTHER_KEY}", "kind": "hang"}
        break_tmdb(films, {"match": OTHER_KEY, **TROUBLES[trouble]})
        session = await lists.add(*SECOND)
        await until(completed)
        assert tmdb.state.faults.struck["hang"] == 0
        assert await database.fetchval("select max(attempts) from lookups") == 0

        break_tmdb()

        async def is_back() -> bool:
            return cut_off.get_status().tmdb_state is TMDBState.UP

        await until(is_back)
    names = [event["event"] for event in events]
    assert (names.count("tmdb_cut_off"), names.count("tmdb_reachable")) == (1, 1)


async def test_one_that_is_cut_off_says_so_when_nobody_else_does_the_work(
    *, make_worker: MakeWorker, lists: Lists, database: Database, break_tmdb: BreakTMDB
) -> None:
    cut_off = await make_worker(api_key=OTHER_KEY)
    other = await make_worker(interval=0.1)  # nobody sends NOTIFY here
    break_tmdb({"match": OTHER_KEY, **TROUBLES["refused"]})
    session = await lists.add(*FIRST)
    await cut_off.start_scheduler()

    async def is_refused() -> bool:
        return await _state(database) == "refused"

    await until(is_refused)
    await other.start_scheduler()

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed)
    await other.stop_scheduler()
    assert await _state(database) == "up"

    session = await lists.add(*SECOND)
    await until(is_refused)
    break_tmdb()
    await until(completed)
    assert await _state(database) == "up"


async def test_films_that_wait_for_a_slot_there_are_given_to_the_others(
    *, make_worker: MakeWorker, lists: Lists, tmdb: RunningStandIn, break_tmdb: BreakTMDB
) -> None:
    limit = RequestLimit(limit=5, period=0.5, margin=0.2)
    # Its own probes take slots too: no more of them than there would be.
    cut_off = await make_worker(
        api_key=OTHER_KEY, request_limit=limit, first_probe=0.5, longest_probe=60.0
    )
    # Films took one request each lately, so it begins as many in a burst as there are slots.
    cut_off._request_costs.observe_requests(1)  # noqa: SLF001  # no film has ended here yet
    cut_off._request_costs.observe_lookup()  # noqa: SLF001  # as above
    other = await make_worker(request_limit=limit)
    session = await lists.add(*FIRST, *SECOND)
    with capture_logs() as events:
        await cut_off.start_scheduler()

        async def has_searched() -> bool:
            return tmdb.state.by_route["search_movie"] == limit.limit

        await until(has_searched)  # and now each film waits for a second slot
        break_tmdb({"match": OTHER_KEY, **TROUBLES["refused"]})
        await other.start_scheduler()

        async def completed() -> bool:
            return await lists.status(session) == "completed"

        await until(completed)
    assert cut_off.get_status().tmdb_state == "refused"
    reasons = [event["error"] for event in events if event["event"] == "lookup_released"]
    assert "TMDB cannot be reached from here" in reasons


async def _state(database: Database) -> str:
    return str(await database.fetchval("select tmdb_state from fleet"))
