"""Whatever a statement fails with, no loop of the daemon ends, and no film is charged for it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from shared.models import Outcome
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]
    BreakTMDB = Callable[..., None]

HEAT, ALIEN = "tmdb:949", "tmdb:348"
BUSY, DEFECT = "55P03", "XX000"
LOOPS = {
    "workers": "heartbeat_failed",
    "request_slots": "dispatch_failed",
    "titles": "titles_not_learned",
}
"""Tables, and what is logged when a row of theirs cannot be written."""
LONG = "".join(random.Random(1).choices([chr(0x4E00 + n) for n in range(5000)], k=1500))  # noqa: S311  # no secret
"""A title that no compression makes short enough for an index."""


async def refuse(database: Database, table: str, code: str) -> None:
    """Let every write to a table fail from now on."""
    await database.fetchval(
        f"""
        create function refuse_{table}() returns trigger language plpgsql as $$
        begin
          raise exception 'refused' using errcode = '{code}';
        end
        $$
        """
    )
    await database.fetchval(
        f"""
        create trigger refused before insert or update on {table}
        for each row execute function refuse_{table}()
        """
    )


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("workers", BUSY),
        ("workers", DEFECT),
        ("request_slots", BUSY),
        ("request_slots", DEFECT),
        ("titles", BUSY),
        ("titles", DEFECT),
    ],
)
async def test_refused_statement_ends_no_loop_and_charges_no_film(
    *, make_worker: MakeWorker, lists: Lists, database: Database, table: str, code: str
) -> None:
    worker = await make_worker(
        interval=60.0, heartbeat=0.2, worker_timeout=2.0, index_votes=5 if table != "workers" else 0
    )
    await database.fetchval(
        "insert into surveys (year, finished_at) select n, now() "
        "from generate_series(1900, 2100) as n"
    )
    await refuse(database, table, code)
    session = await lists.add(HEAT)
    with capture_logs() as events:
        await worker.start_scheduler()
        await until(lambda: LOOPS[table] in {event["event"] for event in events})
        await database.fetchval(f"drop trigger refused on {table}")

        async def completed() -> bool:
            return await lists.status(session) == "completed"

        await until(completed)
        assert worker.get_status().running
        await worker.stop_scheduler()
    row = await lists.lookup(HEAT)
    assert (row["outcome"], row["attempts"]) == (Outcome.FOUND, 0)


@pytest.mark.parametrize("code", [BUSY, DEFECT])
async def test_verdict_on_tmdb_that_cannot_be_saved_charges_no_film(
    *, make_worker: MakeWorker, lists: Lists, database: Database, break_tmdb: BreakTMDB, code: str
) -> None:
    worker = await make_worker(interval=0.1, heartbeat=0.2, worker_timeout=2.0, verdict=0.05)
    await refuse(database, "fleet", code)
    break_tmdb({"match": "/3/", "kind": "status", "status": 503})
    session = await lists.add(HEAT)
    with capture_logs() as events:
        await worker.start_scheduler()
        await until(lambda: "tmdb_state_not_saved" in {event["event"] for event in events})
        await database.fetchval("drop trigger refused on fleet")
        break_tmdb()

        async def completed() -> bool:
            return await lists.status(session) == "completed"

        await until(completed)
        await worker.stop_scheduler()
    assert not {"lookup_crashed", "lookup_task_crashed"} & {event["event"] for event in events}
    row = await lists.lookup(HEAT)
    assert (row["outcome"], row["attempts"]) == (Outcome.FOUND, 0)


async def test_titles_that_no_index_takes_are_passed_over(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
    break_tmdb: BreakTMDB,
) -> None:
    """In the film itself, which warm-up fetches, and in those that TMDB shows beside it."""
    beside = [
        {"id": 1, "title": LONG},
        {"id": 2**31, "title": "D"},
        {"id": 5, "title": "Whole", "vote_count": 2**40},
    ]
    body = {
        "id": 949,
        "title": LONG,
        "release_date": "1995-12-15",
        "vote_count": 9000,
        "credits": {"cast": [], "crew": []},
        "similar": {"results": beside},
    }
    break_tmdb({"match": "/3/movie/949", "kind": "status", "status": 200, "body": body})
    session = await lists.add(HEAT, ALIEN)
    await database.fetchval("update lookups set kept = true where key = $1", HEAT)
    await database.fetchval(
        "insert into surveys (year, finished_at) select n, now() "
        "from generate_series(1900, 2100) as n"
    )
    worker = await make_worker(interval=0.1, index_votes=5)
    with capture_logs() as events:
        await worker.start_scheduler()

        async def learned() -> bool:
            known = await database.fetch("select vote_count from titles where name = 'whole'")
            done = await lists.status(session) == "completed"
            return done and [row["vote_count"] for row in known] == [2**31 - 1]

        await until(learned)
        await worker.stop_scheduler()
    assert await lists.counts(session) == (2, 0, 0)
    assert await database.fetchval("select title from catalogue where tmdb_id = 949") == LONG
    assert not {"lookup_crashed", "titles_not_learned"} & {event["event"] for event in events}
    names = await database.fetch("select name from titles where tmdb_id in (1, 949)")
    assert names == []
    assert tmdb.state.by_route["movie"] == 2, "each was asked for once"


async def test_survey_page_with_a_title_too_long_is_turned_over(
    *, make_worker: MakeWorker, database: Database, break_tmdb: BreakTMDB
) -> None:
    films = [{"id": 1, "title": LONG, "vote_count": 9}]
    body = {"page": 1, "total_pages": 1, "results": films}
    break_tmdb({"match": "/3/discover", "kind": "status", "status": 200, "body": body})
    worker = await make_worker(interval=0.05, index_votes=5)
    await worker.start_scheduler()

    async def ended() -> bool:
        return bool(await database.fetchval("select is_complete from surveys where year = 1999"))

    await until(ended)
    await worker.stop_scheduler()
