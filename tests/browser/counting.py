"""A list's films straight from the database, so that tests count for themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.driving import Driver

PEOPLE = ("directors", "top_cast")


async def stored_films(driver: Driver, session_id: str) -> list[dict[str, Any]]:
    """Every movie of a session with what TMDB knows of it, in the order of the list.

    `shown` and `shown_year` are as the page names it: by TMDB's title and date, if it was found.
    """
    rows = await driver.fetch(
        """
        select
          position, outcome, tmdb_id, confidence, movies.title, movies.year,
          coalesce(catalogue.title, movies.title) as shown,
          coalesce(extract(year from release_date)::integer, movies.year) as shown_year,
          watched, rating, liked, rewatches, watch_dates, in_watchlist, tags, lists,
          genres, countries, languages, runtime_minutes, vote_average, directors, top_cast
        from movies
        join lookups on lookups.id = lookup_id
        left join catalogue using (tmdb_id)
        where session_id = $1::text::uuid
        order by position
        """,
        session_id,
    )
    return [
        {**dict(row), **{name: json.loads(row[name] or "[]") for name in PEOPLE}} for row in rows
    ]
