"""Films that fail while others hold their lookups: they wait, and nobody waits for them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.support.driving import until

if TYPE_CHECKING:
    import asyncpg

    from enrich_service.storage import StorageService
    from shared.postgres.database import Database
    from tests.integration.enrich_service.conftest import Lists

MORE_THAN_THE_POOL = 12
TRIED = """
    select exists (
      select
      from pg_stat_activity
      where datname = current_database()
        and pid <> pg_backend_pid()
        and query like '%into retry_turns%'
        and (state = 'idle' or wait_event_type = 'Lock')
    )
"""
RETRY_TURN = "select max(turn) from retry_turns"


async def test_films_that_fail_while_held_stop_no_claims(
    storage: StorageService,
    lists: Lists,
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
) -> None:
    """The deletion of a large session holds its lookups for as long as it takes."""
    await lists.add(*(f"tmdb:{film}" for film in range(1, MORE_THAN_THE_POOL + 1)))
    claims = await storage.queue.claim(uuid4(), uuid4(), MORE_THAN_THE_POOL)
    async with other.transaction():
        await other.execute("select from lookups for update")
        await lists.add("tmdb:99")
        retries = [
            asyncio.create_task(storage.queue.retry(claim, attempts=1, backoff_seconds=60))
            for claim in claims
        ]
        await until(lambda: database.fetchval(TRIED))
        async with asyncio.timeout(30):
            (claimed,) = await storage.queue.claim(uuid4(), uuid4(), 1)
        assert claimed.key == "tmdb:99"
        assert not [retry for retry in retries if retry.done()]
    await asyncio.gather(*retries)
    rows = await database.fetch(
        "select attempts, claimed_by from lookups where key <> 'tmdb:99' group by 1, 2"
    )
    assert [tuple(row) for row in rows] == [(1, None)]


async def test_retry_of_a_lost_claim_changes_nothing(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    await lists.add("tmdb:1")
    (claim,) = await storage.queue.claim(uuid4(), uuid4(), 1)
    turn = await database.fetchval(RETRY_TURN)
    await storage.queue.retry(replace(claim, token=uuid4()), attempts=1, backoff_seconds=60)
    row = await lists.lookup("tmdb:1")
    assert (row["attempts"], row["claim_token"]) == (0, claim.token)
    assert await database.fetchval(RETRY_TURN) == turn
