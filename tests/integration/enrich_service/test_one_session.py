"""Working on one session by hand: it goes first, and takes no turns from those who come later."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from enrich_service.lookups import Claim
    from enrich_service.storage import StorageService
    from shared.postgres.database import Database
    from tests.integration.enrich_service.conftest import Lists

SILENT = 12.0


def titles(prefix: str, count: int) -> list[str]:
    return [f"title:{prefix} {number:03}|1999" for number in range(count)]


def prefixes(claims: list[Claim]) -> list[str]:
    return [claim.key.removeprefix("title:").partition(" ")[0] for claim in claims]


async def test_one_session_worked_on_alone_keeps_later_uploads_turns_fair(
    storage: StorageService, lists: Lists
) -> None:
    alone = await lists.add(*titles("alone", 50))
    await lists.add(*titles("waiting", 50))
    assert len(await storage.queue.claim(uuid4(), uuid4(), 40, alone)) == 40
    await lists.add(*titles("late", 3))
    claimed = prefixes(await storage.queue.claim(uuid4(), uuid4(), 6))
    assert claimed == ["waiting", "late"] * 3


async def test_claims_of_one_session_are_rescued_when_their_worker_dies(
    storage: StorageService, lists: Lists, database: Database
) -> None:
    alone = await lists.add(*titles("alone", 50))
    await storage.queue.claim(uuid4(), uuid4(), 40, alone)
    assert (await storage.reclaim.reclaim_silent(uuid4(), SILENT)).freed == 40
    assert await database.fetchval("select count(*) from lookups where claimed_by is null") == 50


async def test_claims_of_one_session_are_given_back_when_their_worker_leaves(
    storage: StorageService, lists: Lists
) -> None:
    alone = await lists.add(*titles("alone", 50))
    worker = uuid4()
    await storage.queue.claim(worker, uuid4(), 40, alone)
    assert await storage.reclaim.release_all(worker) == 40
