"""Clients beside one with many lists: it has four shares of the budget, however many they are.

The budget is large, 350 requests in any 10 s, so that this takes a few minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from contextlib import asynccontextmanager
from datetime import datetime
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.client_uploads import ClientUploads, Named
from benchmarks.figures import Figure, spread
from benchmarks.films import pick_films
from benchmarks.harness import Bench, Room, run
from local_stack.stack import STAND_IN_KEY, StandIn
from shared.postgres.database import Database
from shared.settings import Settings
from shared.sql.fleet_control import set_paused
from shared.sql.turn_grants import SHARES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from benchmarks.films import Pick

LIMIT, PERIOD = 350, 10.0
DAEMONS = 2
LISTS, FILMS = 400, 100
ONE_LIST = 3_000
"""Films of the one list to compare with: so many that it is under way all the time."""
KNOWN = 6_000
"""Films that TMDB has; more of the long lists than are ever come to."""
SMALL, TIMES = 20, 3
BURST_OVER = 300
"""Films that have ended once the first burst is over."""
EQUALS, SESSIONS = 9, 50
REACH_TIMES, REACH_UNEVENNESS = 3.0, 1.5
IN_HAND = 20 * DAEMONS
"""Films of a client that may be in flight when the progress is taken."""

PROGRESS = """
    select client, count(*) as films
    from movies
    join lookups on lookups.id = lookup_id
    join sessions on sessions.id = session_id
    where answered_at <= (
      select min(ended)
      from (
        select max(answered_at) as ended
        from movies
        join lookups on lookups.id = lookup_id
        where session_id = any($1::uuid[])
        group by session_id
      ) as ends
    )
    group by client
"""
"""Films of each client that had ended when the first of these lists was complete."""


class Clients:
    """Clients of a fleet, each film of theirs another one."""

    def __init__(self, bench: Bench, database: Database, uploads: ClientUploads) -> None:
        self.bench = bench
        self.database = database
        self._uploads = uploads

    async def small_list(self, films: Sequence[Named]) -> float:
        """Upload a list of another client; seconds until it is complete."""
        start = time.time()
        session_id = await self._uploads.store("small", films)
        status = await self.bench.wait_until_completed(str(session_id))
        return datetime.fromisoformat(status["completed_at"]).timestamp() - start

    async def upload(self, client: str, films: Sequence[Named], size: int) -> list[UUID]:
        """Upload these films as lists of this size."""
        return [
            await self._uploads.store(client, films[start : start + size])
            for start in range(0, len(films), size)
        ]

    async def ended(self, films: int) -> None:
        """Wait until so many films have ended."""
        query = "select count(*) from lookups where outcome is not null"
        while await self.database.fetchval(query) < films:  # noqa: ASYNC110  # daemons end them
            await asyncio.sleep(0.1)


@asynccontextmanager
async def _at_work(room: Room, pick: Pick) -> AsyncIterator[Clients]:
    stand_in = StandIn(films=pick.generated, latency=0.05, limit=LIMIT, period=PERIOD)
    env = {"TMDB_RATE_LIMIT": str(LIMIT), "TMDB_RATE_PERIOD": str(PERIOD)}
    async with room.stack(stand_in, env, daemons=DAEMONS) as bench:
        settings = Settings(_env_file=None, database_url=bench.stack.dsn, tmdb_api_key=STAND_IN_KEY)
        async with Database(settings, application_name="benchmark") as database:
            yield Clients(bench, database, ClientUploads(database, room.folder))


async def _beside(room: Room, pick: Pick, lists: int, size: int) -> list[float]:
    """How long small lists take beside so many lists of one client."""
    films = [Named(film.title, film.year) for film in pick.films]
    small, large = films[: TIMES * SMALL], films[TIMES * SMALL :]
    large += [Named(f"Reel {number}", 1900) for number in range(lists * size - len(large))]
    async with _at_work(room, pick) as clients:
        await clients.upload("many", large[: lists * size], size)
        await clients.ended(BURST_OVER)
        starts = range(0, len(small), SMALL)
        return [await clients.small_list(small[start : start + SMALL]) for start in starts]


async def _ten(room: Room, pick: Pick) -> tuple[list[int], int]:
    """Progress of nine clients with a list each, and of one with many."""
    films = [Named(film.title, film.year) for film in pick.films]
    async with _at_work(room, pick) as clients:
        await set_paused(clients.database, paused=True)
        await clients.upload("many", films[: SESSIONS * FILMS], FILMS)
        equals: list[UUID] = []
        for number in range(EQUALS):
            start = (SESSIONS + number) * FILMS
            equals += await clients.upload(f"client {number}", films[start : start + FILMS], FILMS)
        await set_paused(clients.database, paused=False)
        for session_id in equals:
            await clients.bench.wait_until_completed(str(session_id))
        rows = await clients.database.fetch(PROGRESS, equals)
    progress = {row["client"]: row["films"] for row in rows}
    many = progress.pop("many", 0)
    return [progress.get(f"client {number}", 0) for number in range(EQUALS)], many


async def measure(room: Room, _: argparse.Namespace) -> Sequence[Figure]:
    """Small lists beside one list and beside many, then ten clients at once."""
    pick = pick_films(KNOWN)
    beside_one = await _beside(room, pick, 1, ONE_LIST)
    beside_many = await _beside(room, pick, LISTS, FILMS)
    nine, many = await _ten(room, pick)
    ratio = median(beside_many) / median(beside_one)
    return [
        Figure(f"{SMALL} films beside one list of another client", spread(beside_one, "s")),
        Figure(
            f"{SMALL} films beside {LISTS} lists of {FILMS} films of another client",
            f"{spread(beside_many, 's')}, {ratio:.1f} times",
            f"<= {REACH_TIMES:g} times",
            ratio <= REACH_TIMES,
        ),
        Figure(
            f"{EQUALS} clients beside one with {SESSIONS} sessions, largest over smallest progress",
            f"{max(nine) / max(min(nine), 1):.2f}",
            f"<= {REACH_UNEVENNESS:g}",
            max(nine) <= REACH_UNEVENNESS * min(nine),
        ),
        Figure(
            f"films of that one, when the first of the {EQUALS} has ended its {FILMS}",
            f"{many}",
            f"<= {SHARES} x {FILMS}, and {IN_HAND} in flight",
            many <= SHARES * FILMS + IN_HAND,
        ),
    ]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.clients", description=__doc__)
    run(measure, arguments.parse_args())
