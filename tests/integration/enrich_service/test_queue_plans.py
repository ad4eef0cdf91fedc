"""The daemon's statements read little, however long the queue and the catalogue are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from enrich_service.options import WorkerOptions
from enrich_service.storage import StorageService
from enrich_service.storage.exports import ExportPart
from enrich_service.storage.request_limit import RequestLimit
from enrich_service.storage.titles import TitleRow
from tests.support.query_costs import PLANS_SETTLED, cost_of, filled_database, single_connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from local_stack.postgres import EmbeddedPostgres
    from shared.postgres.database import Database

    Work = Callable[[StorageService], Awaitable[object]]

LARGE = {"lookups", "catalogue", "titles"}
# As many lookups have their answers as wait for one; a few are in flight, at the clock's time.
FILL = (
    """
    insert into lookups (key, title, due_at, turn)
    select 'title:queued ' || n || '|1999', 'queued', clock_timestamp(), n
    from generate_series(1, 50000) as n
    """,
    """
    insert into catalogue (
      tmdb_id, imdb_id, title, original_title, genres, directors, top_cast, countries,
      languages, vote_count, popularity, fetched_at
    )
    select n, 'tt' || 1000000 + n, 'A', 'A', '{}', '[]', '[]', '{}', '{}', 0, 0,
      clock_timestamp() - n * interval '1 minute'
    from generate_series(1, 50000) as n
    """,
    """
    insert into lookups (key, title, outcome, tmdb_id, confidence, answered_at)
    select 'title:ended ' || n || '|1999', 'ended', 'found', n, 100, clock_timestamp()
    from generate_series(1, 50000) as n
    """,
    """
    insert into titles (name, year, tmdb_id, title, original_title, vote_count, learned_at)
    select 'film ' || n, 1950 + n % 70, n, 'Film', 'Film', n,
      clock_timestamp() - n * interval '1 minute'
    from generate_series(1, 50000) as n
    """,
    """
    update lookups set claimed_by = gen_random_uuid(), claim_token = gen_random_uuid()
    where turn <= 20
    """,
    "insert into virtual_times (turn) values (20)",
    "insert into exported_films select n, n, 1 from generate_series(1, 50000) as n",
    "update export_loads set day = current_date",
    "analyze exported_films, lookups, virtual_times, catalogue, titles",
)


@pytest.fixture(scope="module")
async def database(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[Database]:
    async with filled_database(postgres, template, FILL) as dsn, single_connection(dsn) as opened:
        yield opened


async def claim_in_background(storage: StorageService) -> None:
    pause = WorkerOptions().background_pause
    await storage.background.claim(uuid4(), uuid4(), pause, in_share=True)


async def learn_and_expire(storage: StorageService) -> None:
    await storage.titles.learn(
        TitleRow(f"film {n}", 1990, n, "Film", "Film", n) for n in range(1, 60)
    )
    assert await storage.titles.expire_old(20, 10) == 10


async def write_export(storage: StorageService) -> None:
    await storage.exports.write(ExportPart(1, 200, [1, 201], [1, 9], [1.0, 2.0]))


# A call, and the most that it may read: rows of the large tables, buffers of all. In this order:
# surveys are queued before one is claimed or turned over. The last two, which run once a minute,
# read every record; the warm-up sorts the export until the surveys have ended.
CASES: dict[str, tuple[Work, int, int]] = {
    "claim": (lambda s: s.queue.claim(uuid4(), uuid4(), 10), 150, 200),
    "view": (lambda s: s.queue.view(20), 200, 60),
    "take slots": (lambda s: s.window.take(RequestLimit(), 40), 0, 300),
    "reclaim": (lambda s: s.reclaim.reclaim_silent(uuid4(), 12.0), 600, 4_000),
    "release all": (lambda s: s.reclaim.release_all(uuid4()), 300, 40),
    "namesakes": (lambda s: s.titles.namesakes({"film 50", "film 51"}, 2000), 4, 20),
    "record by TMDB id": (lambda s: s.titles.fresh_record(7, 30), 1, 6),
    "record by IMDb id": (lambda s: s.titles.fresh_record("tt1000007", 30), 1, 6),
    "learn and expire titles": (learn_and_expire, 200, 1_500),
    "queue surveys": (lambda s: s.surveys.queue(200), 200, 4_000),
    "namesakes in the export": (lambda s: s.exports.namesakes({700}, {"film 700"}), 4, 20),
    "write a part of the export": (write_export, 500, 1_500),
    "queue the warm-up": (lambda s: s.warm_up.queue(1_000, 200, use_export=True), 400, 6_000),
    "claim in background": (claim_in_background, 10, 40),
    "queue refreshes": (lambda s: s.records.queue_refreshes(30, 20), 60_000, 40_000),
    "drop records": (lambda s: s.retention.drop_records(30), 110_000, 40_000),
}


@pytest.mark.parametrize("name", CASES)
async def test_statement_reads_little(database: Database, name: str) -> None:
    storage = StorageService(database)
    work, most_rows, most_buffers = CASES[name]
    for times in (1, PLANS_SETTLED):
        cost = await cost_of(database, lambda: work(storage), times)
        assert not cost.scanned & LARGE or name == "drop records", cost
        assert sum(cost.rows[table] for table in LARGE) <= most_rows, cost
        assert cost.buffers <= most_buffers, cost
