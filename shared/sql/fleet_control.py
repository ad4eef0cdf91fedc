"""Pausing and resuming the whole fleet: one row that every daemon looks at before it sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shared.models import Channel

if TYPE_CHECKING:
    from shared.postgres.database import Database


async def set_paused(database: Database, *, paused: bool) -> None:
    """Pause or resume the whole fleet; kept across restarts."""
    await database.fetchval(
        """
        with changed as (
          update fleet
          set paused_since = case when $1 then coalesce(paused_since, clock_timestamp()) end
          returning 1
        )
        select pg_notify($2, '') from changed
        """,
        paused,
        Channel.FLEET_CONTROL,
    )
