"""How much the tables grow with each film, with vacuum at work and while a dump holds it back.

A dump keeps every row version that dies while it runs. Both runs complete as many films, one by
one, with slots of the default budget's size; vacuum comes after `FILMS_A_MINUTE`.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg

from benchmarks.figures import Figure
from benchmarks.growth import FILL, film_of
from benchmarks.harness import Room, execute, run
from enrich_service.lookups import Completion
from enrich_service.storage import StorageService
from enrich_service.storage.request_limit import RequestLimit
from local_stack.stack import STAND_IN_KEY
from shared.models import Outcome
from shared.postgres.database import Database
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

SESSIONS = 10
FILMS_A_MINUTE = 200
"""As a busy fleet completes at most; autovacuum looks once a minute."""
FREE = RequestLimit(limit=40, period=0.05, margin=0.02)
"""As many slots as the default budget has, and none that is waited for."""
SIZES = """
    select relname::text as name, pg_total_relation_size(oid) as bytes
    from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r'
"""


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Complete films with vacuum at work, then as many beneath an open snapshot."""
    dsn = await room.fresh_database()
    fill = [text.format(films=options.films * 3, sessions=SESSIONS) for text in FILL]
    await execute(dsn, *fill)
    settings = Settings(_env_file=None, database_url=dsn, tmdb_api_key=STAND_IN_KEY)
    async with Database(settings, application_name="benchmark") as database:
        await _complete(database, dsn, FILMS_A_MINUTE)  # what vacuum frees first is used again
        free = await _growth(database, dsn, options.films)
        holder = await asyncpg.connect(dsn)
        try:
            await holder.execute("begin isolation level repeatable read")
            await holder.fetchval("select count(*) from fleet")
            held = await _growth(database, dsn, options.films)
        finally:
            await holder.close()
    return [
        Figure(f"growth a film of {name}, free → held", f"{free[name]:,} → {held[name]:,} bytes")
        for name in sorted(held, key=held.__getitem__, reverse=True)
        if held[name]
    ]


async def _growth(database: Database, dsn: str, films: int) -> dict[str, int]:
    """Return the bytes that a film adds to each table and its indexes, and to all of them."""
    before = await _sizes(database)
    await _complete(database, dsn, films)
    after = await _sizes(database)
    grown = {name: round((after[name] - before[name]) / films) for name in after}
    return {"all tables": sum(grown.values()), **grown}


async def _sizes(database: Database) -> dict[str, int]:
    return {row["name"]: row["bytes"] for row in await database.fetch(SIZES)}


async def _complete(database: Database, dsn: str, films: int) -> None:
    storage, worker = StorageService(database), uuid4()
    for number in range(1, films + 1):
        await storage.window.take(FREE, 1)
        (claim,) = await storage.queue.claim(worker, uuid4(), 1)
        film = film_of(claim.lookup_id)
        await storage.completions.save([Completion(claim, Outcome.FOUND, "exact title", film)])
        if number % FILMS_A_MINUTE == 0:
            await execute(dsn, "vacuum")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.dump_cost", description=__doc__)
    arguments.add_argument("--films", type=int, default=4_000, help="completed in each run")
    run(measure, arguments.parse_args())
