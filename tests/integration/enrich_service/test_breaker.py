"""TMDB out for a whole fleet, for long: one probe a backoff from all, and nothing is lost by it."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Connection, Database
    from tests.conftest import RunningStandIn
    from tests.integration.enrich_service.conftest import Lists

    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]

FIRST_PROBE, LONGEST_PROBE = 0.05, 0.4
"""A thousandth of the real ones, so that ten backoffs, ten minutes of the real, take seconds."""
BACKOFFS = 10
WORKERS = 3
TROUBLES = {
    "down": {"kind": "status", "status": 503},
    "refused": {"kind": "status", "status": 401},
}
FILMS = [
    "title:heat|1995",
    "title:alien|1979",
    "title:the matrix|1999",
    "title:se7en|1995",
    "title:toy story|1995",
    "title:la haine|1995",
]


@pytest.mark.parametrize("state", TROUBLES)
async def test_a_fleet_without_tmdb_sends_one_probe_a_backoff_and_resumes_by_itself(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
    break_tmdb: BreakTMDB,
    until: Until,
    state: str,
) -> None:
    break_tmdb({"match": "/3/", **TROUBLES[state]})
    session = await lists.add(*FILMS)
    workers = [
        await make_worker(interval=0.1, first_probe=FIRST_PROBE, longest_probe=LONGEST_PROBE)
        for _ in range(WORKERS)
    ]
    for worker in workers:
        await worker.start_scheduler()

    async def nobody_claims() -> bool:
        out = await database.fetchval("select tmdb_state from fleet")
        return out == state and not any(worker.get_status().in_flight for worker in workers)

    await until(nobody_claims)
    films = _asked_for_films(tmdb)
    await database.transact(_note_probes)
    probed = tmdb.state.by_route["configuration"]
    since = await database.fetchval("select tmdb_since from fleet")

    async def long_enough() -> bool:
        return tmdb.state.by_route["configuration"] >= probed + BACKOFFS

    await until(long_enough)
    assert _asked_for_films(tmdb) == films, "nothing but probes"
    arrived = tmdb.state.by_route["configuration"] - probed
    due = [row["due"] for row in await database.fetch("select due from noted_probes order by due")]
    assert arrived <= len(due) + 1, "each had its turn, and one was under way when that was noted"
    rests = [later - sooner for sooner, later in itertools.pairwise(due)]
    # The first probes may lie nearer together; from the fourth on the longest pause is reached.
    assert min(rests[4:]) >= timedelta(seconds=LONGEST_PROBE)
    row = await database.fetchrow("select tmdb_state, tmdb_reason, tmdb_since from fleet")
    assert row is not None
    assert (row["tmdb_state"], row["tmdb_since"]) == (state, since)
    assert f"HTTP {TROUBLES[state]['status']}" in row["tmdb_reason"]
    assert await database.fetchval("select max(attempts) from lookups") == 0

    break_tmdb()

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed)
    assert await lists.counts(session) == (len(FILMS), 0, 0)


async def test_a_short_outage_that_several_find_out_costs_no_film_an_attempt(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    database: Database,
    break_tmdb: BreakTMDB,
    until: Until,
) -> None:
    """Those that wonder while another has told of the outage take its word for it."""
    break_tmdb({"match": "/3/", **TROUBLES["down"]})
    session = await lists.add(*FILMS)
    for verdict in (0.05, 0.4, 0.4):
        worker = await make_worker(
            interval=0.1, concurrency=2, verdict=verdict, first_probe=0.6, longest_probe=0.6
        )
        await worker.start_scheduler()

    async def is_out() -> bool:
        return bool(await database.fetchval("select tmdb_state from fleet") == "down")

    await until(is_out)
    break_tmdb()

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    with capture_logs() as events:
        await until(completed)
    assert [event for event in events if event["event"] == "lookup_retry"] == []
    assert await lists.counts(session) == (len(FILMS), 0, 0)


async def _note_probes(connection: Connection) -> None:
    """Let the database note each turn to probe: a probe itself may arrive late on a busy machine.

    Who takes the turn makes the next due a fixed time later, so turns lie as far apart as these
    times. Who could not use the turn makes the next due at once.
    """
    await connection.execute(
        """
        create table noted_probes (due timestamptz);
        create function note_probe() returns trigger language plpgsql as $$
          begin
            if new.tmdb_probe_at > clock_timestamp() then
              insert into noted_probes values (new.tmdb_probe_at);
            else
              delete from noted_probes where due = (select max(due) from noted_probes);
            end if;
            return null;
          end
        $$;
        create trigger note_probe after update on fleet
          for each row when (
            new.tmdb_probes = old.tmdb_probes and new.tmdb_probe_at <> old.tmdb_probe_at
          )
          execute function note_probe();
        """
    )


def _asked_for_films(tmdb: RunningStandIn) -> int:
    return tmdb.state.requests - tmdb.state.by_route["configuration"]
