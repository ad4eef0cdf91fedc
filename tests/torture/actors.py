"""Who acts in the torture: each actor does what one request or one loop does, by the real storage.

An actor chooses with a generator of its own, so that it does the same whoever else there is.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from api_service.storage.staging import IdempotencyKey, StagedUpload
from enrich_service.storage.completions import Completion, Film
from shared.errors import (
    IdempotencyKeyReusedError,
    UploadInProgressError,
)
from shared.lookup_keys import LookupKind, imdb_key, parse_key, title_key, tmdb_key
from shared.models import Outcome
from tests.torture.world import Expected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path
    from random import Random
    from uuid import UUID

    from enrich_service.storage.queue import Claim
    from tests.torture.world import Worker, World

    Act = Callable[[World, Random], Awaitable[None]]

FILMS = 4
"""So few that everybody meets everybody."""
YEAR = 2000
CLIENTS = (None, "first", "second")
KEYS = 3
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
COLUMNS = (
    *("position", "lookup_key", "title", "year", "watched", "watch_dates", "rewatches", "liked"),
    *("tags", "in_watchlist", "lists", "former_key"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A movie of a file that is uploaded."""

    position: int
    key: str
    title: str
    former_key: str = ""


def titled(number: int) -> str:
    """Return the title of a film."""
    return f"film {number}"


def key_of(number: int, chance: Random) -> str:
    """Return one of the questions after a film."""
    return chance.choice(
        [
            title_key(titled(number), YEAR),
            tmdb_key(number),
            imdb_key(f"tt{number:07}"),
        ]
    )


def write(path: Path, rows: Sequence[Row]) -> Path:
    """Write rows as the parser does, for COPY."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    for row in rows:
        table.writerow(
            (
                *(row.position, row.key, row.title, YEAR, "t", "{}", 0, "f", "{}", "f", "{}"),
                row.former_key,
            )
        )
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def some_rows(chance: Random, after: int = 0) -> list[Row]:
    """Choose a few films, each by one question; no question twice."""
    numbers = chance.sample(range(1, FILMS + 1), chance.randint(1, FILMS))
    keys = [key_of(number, chance) for number in numbers]
    return [
        Row(after + place, key, titled(number))
        for place, (number, key) in enumerate(zip(numbers, keys, strict=True), 1)
    ]


# -- users ---------------------------------------------------------------------------------------


async def upload(world: World, chance: Random) -> None:
    """Store a list."""
    session_id = world.new_id()
    rows = some_rows(chance)
    idempotency = None
    if chance.random() < 1 / 4:
        idempotency = IdempotencyKey(str(chance.randrange(KEYS)), b"body")
    staged = StagedUpload(
        session_id,
        write(world.folder / f"{session_id}.csv", rows),
        COLUMNS,
        len(rows),
        "{}",
        idempotency,
        TRACE,
        client=chance.choice(CLIENTS),
    )
    try:
        stored = await world.api().uploads.store(staged)
    except (UploadInProgressError, IdempotencyKeyReusedError):
        return
    if stored not in world.sessions:
        world.sessions.append(stored)
    if stored == session_id:
        world.expected[stored] = Expected(len(rows))


# -- daemons -------------------------------------------------------------------------------------


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
    if by_id and said < 1 / 4:
        return Completion(claim, Outcome.NOT_FOUND, reason, unknown_id=True)
    if said < 3 / 4:
        found = film(chance.randint(1, FILMS))
        return Completion(claim, Outcome.FOUND, reason, film=found, confidence=100)
    outcome = chance.choice([Outcome.NOT_FOUND, Outcome.FAILED])
    return Completion(claim, outcome, reason)


async def work(world: World, chance: Random) -> None:
    """Claim a few films, and end them."""
    worker = chance.choice(world.workers)
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
    together: list[Completion] = []
    for claim in claims:
        done = answered(claim, chance)
        said = chance.random()
        if said < 1 / 8:
            backoff = chance.choice([0.0, 60.0])
            await worker.storage.queue.retry(claim, attempts=1, backoff_seconds=backoff)
            del worker.in_hand[claim.token_at]
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
                _lose(world, worker, done.claim)
            if done not in saved.held:
                worker.in_hand.pop(done.claim.token_at, None)
        pending, wait = pending[len(batch) :] + saved.held, True


def _lose(world: World, worker: Worker, claim: Claim) -> None:
    if not worker.was_silent and claim.token_at in worker.in_hand:
        world.breaks("G17", f"{claim.key} was taken from a daemon that had it in hand")


ACTS: dict[str, Act] = {
    "upload": upload,
    "work": work,
}
KINDS = {"upload": 2, "work": 3}
"""How likely each is."""


async def begin_case(world: World, chance: Random) -> None:
    """Let there be a few lists, some of whose films have ended."""
    for _ in range(chance.randint(1, 2)):
        await upload(world, chance)
    if chance.random() < 3 / 4:
        await work(world, chance)
