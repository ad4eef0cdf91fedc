"""What a day costs that keeps 100,000 listed films fresh, of which TMDB says that 6,000 changed.

All changed films are listed here, which is the dearest case. The records are between one and 151
days old, evenly, so that a day's worth of them has not been asked for in 150 days. The daemon works
as fast as it can, with the raised limit.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from benchmarks.films import STAND_IN_SEED
from benchmarks.harness import RAISED_LIMIT, RAISED_SETTINGS, Bench, Room, run
from local_stack.stack import StandIn
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.changes import changed_between
from local_stack.tmdb.film import load_films
from local_stack.tmdb.generator import generate_films

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

SLOW_DAYS = 150
FEED_REQUESTS = 70
CHANGED = 0.06
"""Of the films, on a day."""
_POLL_SECONDS = 0.5

LIST = (
    """
    insert into catalogue (
      tmdb_id, title, original_title, genres, directors, top_cast, countries, languages,
      vote_count, popularity, fetched_at
    )
    select
      tmdb_id, 'Film', 'Film', '{}', '[]', '[]', '{}', '{}', 0, 0,
      clock_timestamp() - interval '1 day' - $2 * place / $3 * interval '1 day'
    from unnest($1::integer[]) with ordinality as listed (tmdb_id, place)
    """,
    """
    insert into lookups (key, outcome, reason, tmdb_id, confidence, answered_at)
    select 'tmdb:' || tmdb_id, 'found', 'tmdb id', tmdb_id, 100, clock_timestamp()
    from catalogue
    """,
    """
    with session as (
      insert into sessions (id) values (gen_random_uuid()) returning id
    ),
    counted as (
      insert into session_counts (session_id, total, enriched)
      select id, lookups.count, lookups.count
      from session
      cross join (select count(*) from lookups) as lookups
    )
    insert into movies (
      session_id, position, lookup_id, watched, watch_dates, rewatches, liked, tags, in_watchlist,
      lists
    )
    select
      session.id, row_number() over (), lookups.id, true, '{}', 0, false, '{}', false, '{}'
    from session
    cross join lookups
    """,
    "insert into change_feed (read_to) values ($1)",
    "vacuum analyze",
)


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """One day: the feed of yesterday, and what was not asked for in 150 days."""
    films = [*load_films(), *generate_films(options.films, STAND_IN_SEED)][: options.films]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    changed = list(
        changed_between(Catalogue(films), CHANGED, yesterday, yesterday + timedelta(days=1))
    )
    stand_in = StandIn(films=options.films, limit=RAISED_LIMIT, period=1.0, changed=CHANGED)
    settings = {**RAISED_SETTINGS, "ENRICH_INTERVAL": "0.5"}
    async with room.stack(stand_in, settings, daemons=0) as bench:
        arguments = (
            ([film.id for film in films], float(SLOW_DAYS), float(len(films))),
            (),
            (),
            (yesterday - timedelta(days=1),),
            (),
        )
        for statement, values in zip(LIST, arguments, strict=True):
            await bench.fetch(statement, *values)
        start = time.monotonic()
        await bench.stack.add_daemon()
        await _until_fresh(bench, yesterday)
        seconds = time.monotonic() - start
        missed = await bench.fetchrow(
            """
            select count(*) as films
            from catalogue
            where tmdb_id = any($1::integer[]) and fetched_at < clock_timestamp() - interval '1 day'
            """,
            changed,
        )
        report = await bench.tmdb_report()
    by_route = report["by_route"]
    most = len(changed) + len(films) / SLOW_DAYS + FEED_REQUESTS
    return [
        Figure(
            f"requests in a day, {len(films):,} films listed, {len(changed):,} of them changed",
            f"{report['requests']:,}: {by_route['movie_changes']} of the feed, "
            f"{by_route['movie']:,} of films",
            f"<= changed + listed / {SLOW_DAYS} + {FEED_REQUESTS} = {most:,.0f}",
            report["requests"] <= most,
        ),
        Figure(
            "changed films whose records are older than a day then",
            f"{missed['films']}",
            "0",
            missed["films"] == 0,
        ),
        Figure(f"seconds, at half of {RAISED_LIMIT} requests a second", f"{seconds:.0f} s"),
    ]


async def _until_fresh(bench: Bench, day: date) -> None:
    """Wait until the feed of a day was read and nothing old is left."""
    while True:
        row = await bench.fetchrow(
            """
            select
              exists (select from change_feed where read_to = $1) as was_read,
              exists (
                select from catalogue where fetched_at < clock_timestamp() - interval '150 days'
              ) as has_old,
              exists (
                select from lookups where due_at <= clock_timestamp()
              ) as has_due
            """,
            day,
        )
        if row["was_read"] and not row["has_old"] and not row["has_due"]:
            return
        await asyncio.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.refreshing", description=__doc__)
    arguments.add_argument("--films", type=int, default=100_000, help="listed")
    run(measure, arguments.parse_args())
