"""Daemons on the stage: each actor does what one of their loops does, by their real storage."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import asyncpg

from enrich_service.lookups import Completion, Film
from enrich_service.scheduling.reclaimer import Reclaimer
from shared.lookup_keys import LookupKind, parse_key
from shared.models import Outcome
from tests.torture.users import FILMS, titled
from tests.torture.world import RULE, SILENT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from enrich_service.lookups import Claim
    from enrich_service.scheduling.dispatcher import Dispatcher
    from tests.torture.world import Worker, World

ASKING = 6
"""Turns at most for which TMDB is asked, and nothing is held."""


def film(number: int) -> Film:
    """Return what TMDB says of a film."""
    return Film(
        tmdb_id=number,
        imdb_id=f"tt{number:07}",
        title=titled(number),
        original_title=titled(number),
        release_date=None,
        genres=(),
        directors=(),
        top_cast=(),
        runtime_minutes=None,
        countries=(),
        languages=(),
        overview=None,
        poster_path=None,
        vote_average=None,
        vote_count=1,
        popularity=1.0,
    )


def answered(claim: Claim, chance: Random) -> Completion:
    """Answer a claim in one of the ways in which TMDB does; the reason is the claim's token."""
    said = chance.random()
    reason = str(claim.token)
    by_id = parse_key(claim.key).kind in {LookupKind.TMDB, LookupKind.IMDB}
    if claim.refreshes is not None and said < 3 / 4:
        return Completion(
            claim, Outcome.FOUND, reason, film=film(claim.refreshes.tmdb_id), confidence=100
        )
    if by_id and said < 1 / 3:
        return Completion(claim, Outcome.NOT_FOUND, reason, unknown_id=True)
    if said < 3 / 4:
        found = film(chance.randint(1, FILMS))
        return Completion(claim, Outcome.FOUND, reason, film=found, confidence=100)
    outcome = chance.choice([Outcome.NOT_FOUND, Outcome.FAILED])
    return Completion(claim, outcome, reason)


async def work(world: World, chance: Random) -> None:
    """Claim a few films, and end them."""
    worker = chance.choice(world.workers)
    await worker.storage.queue.view(chance.randint(1, 3))
    claims = await claimed(world, worker, chance.randint(1, 3))
    await end(world, worker, claims, chance)


async def claimed(world: World, worker: Worker, wanted: int) -> list[Claim]:
    """Claim films, as the dispatcher does."""
    token = worker.claiming = world.new_id()
    try:
        claims = await worker.storage.queue.claim(worker.id, token, wanted)
        worker.in_hand |= {claim.token_at: claim for claim in claims}
    finally:
        worker.claiming = None
    return claims


async def end(world: World, worker: Worker, claims: Sequence[Claim], chance: Random) -> None:
    """Save what claims have come to, put some of them off, and forget some."""
    for _ in range(chance.randint(0, ASKING)):
        await asyncio.sleep(0)
    together: list[Completion] = []
    for claim in claims:
        done = answered(claim, chance)
        said = chance.random()
        if said < 1 / 4:
            backoff = chance.choice([0.0, 60.0])
            await worker.storage.queue.retry(claim, attempts=1, backoff_seconds=backoff)
            worker.in_hand.pop(claim.token_at)
        elif said > 9 / 10:
            worker.in_hand.pop(claim.token_at)  # it was interrupted, and nobody works on it
        elif done.unknown_id:
            await save(world, worker, [done])
        else:
            together.append(done)
    if together:
        await save(world, worker, together)


async def save(world: World, worker: Worker, completions: list[Completion]) -> None:
    """Save completions until each is saved or lost, as the saver does."""
    pending, wait = completions, False
    while pending:
        batch = pending[:1] if wait else pending
        try:
            saved = await worker.storage.completions.save(batch, wait=wait)
        except asyncpg.LockNotAvailableError:
            for done in batch:  # one of them, who knows which, cannot be saved
                await save(world, worker, [done])
            return
        for done in batch:
            if done in saved.lost:
                await _lose(world, worker, done.claim)
            if done not in saved.held:
                worker.in_hand.pop(done.claim.token_at, None)
        pending, wait = pending[len(batch) :] + saved.held, True


async def _lose(world: World, worker: Worker, claim: Claim) -> None:
    if worker.was_silent or claim.token_at not in worker.in_hand:
        return
    if await world.was_taken(claim):
        world.breaks("G17", f"{claim.key} was taken from a daemon that had it in hand")


async def refresh(world: World, chance: Random) -> None:
    """Let all records be old, queue them, and refresh one."""
    worker = chance.choice(world.workers)
    await world.database.fetch(
        """
        update catalogue
        set fetched_at = fetched_at - interval '40 days'
        where tmdb_id in (select tmdb_id from catalogue order by tmdb_id for update skip locked)
        """
    )
    await worker.storage.records.queue_refreshes(30, 5)
    token = worker.claiming = world.new_id()
    try:
        claim = await worker.storage.background.claim(
            worker.id, token, timedelta(seconds=1), in_share=chance.random() < 1 / 2
        )
        if claim:
            worker.in_hand[claim.token_at] = claim
    finally:
        worker.claiming = None
    if claim:
        await end(world, worker, [claim], chance)


async def silence(world: World, chance: Random) -> None:
    """Let a daemon's last heartbeat be long ago; it works on without knowing it."""
    busy = [worker for worker in world.workers if worker.in_hand]
    worker = chance.choice(busy or world.workers)
    worker.was_silent = True
    worker.pool.revoke()
    await world.database.fetch(
        "update workers set heartbeat_at = heartbeat_at - interval '1 day' where id = $1", worker.id
    )


async def reclaim(world: World, chance: Random) -> None:
    """Release the claims of silent workers, and abandoned ones in this worker's name."""
    worker = chance.choice(world.workers)
    reclaimer = Reclaimer(
        worker_id=worker.id,
        storage=worker.storage,
        dispatcher=cast("Dispatcher", worker),
        worker_timeout=SILENT_SECONDS,
        wake=lambda: None,
    )
    await reclaimer.reclaim()


async def beat(world: World, chance: Random) -> None:
    """Say that one is alive, and take one's part of the connections."""
    worker = chance.choice(world.workers)
    asked_at = time.monotonic()
    await worker.sharing.settle(asked_at, await worker.beat())


async def window(world: World, chance: Random) -> None:
    """Take slots, some time after others were taken."""
    worker = chance.choice(world.workers)
    seconds = chance.choice([0.0, 1.0, RULE.period / 2, RULE.period, 2.5 * RULE.period])
    await world.database.fetch(
        "update request_slots set sent_at = sent_at - $1::interval", timedelta(seconds=seconds)
    )
    wanted = chance.randint(1, RULE.limit)
    grant = await worker.storage.window.take(
        RULE, wanted, beginning=chance.randint(0, wanted), per_film=2.0
    )
    world.granted += len(grant.expiries)
