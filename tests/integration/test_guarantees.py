"""The guarantees over a real schema: their statements run, their constraints are there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.guarantees import GUARANTEES, violations
from tests.support.guarantee import Moment
from tests.support.session_rows import ADD_SESSION

if TYPE_CHECKING:
    from shared.postgres.database import Database


@pytest.mark.parametrize("moment", list(Moment))
async def test_empty_database_keeps_all_guarantees(database: Database, moment: Moment) -> None:
    assert await violations(database, moment) == []


async def test_each_constraint_that_keeps_a_guarantee_is_there(database: Database) -> None:
    rows = await database.fetch(
        """
        select conrelid::regclass || '.' || conname as name, convalidated
        from pg_constraint
        where connamespace = 'public'::regnamespace
        """
    )
    there = {row["name"] for row in rows if row["convalidated"]}
    kept = {name for guarantee in GUARANTEES for name in guarantee.constraints}
    assert len(kept) > 10
    assert kept - there == set()


async def test_what_holds_at_rest_is_not_asked_while_work_goes_on(database: Database) -> None:
    session_id = uuid4()
    await database.fetchval(ADD_SESSION, session_id, 1)
    await database.fetchval(
        """
        with asked as (
          insert into lookups (key, due_at, turn) values ('tmdb:603', clock_timestamp(), 1)
          returning id
        )
        insert into movies (
          session_id, position, lookup_id, watched, watch_dates, rewatches, liked, tags,
          in_watchlist, lists
        )
        select $1, 1, id, true, '{}', 0, false, '{}', false, '{}' from asked
        """,
        session_id,
    )
    always = {violation.guarantee for violation in await violations(database, Moment.ALWAYS)}
    at_rest = {violation.guarantee for violation in await violations(database, Moment.AT_REST)}
    assert at_rest - always == {"G12", "G13"}
