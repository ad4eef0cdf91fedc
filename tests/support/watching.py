"""What the fault tests look at: which daemon holds what, and for how long nothing happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.figures import longest_gap

if TYPE_CHECKING:
    from local_stack.processes import Program
    from tests.support.driving import Driver

RESUMED_SECONDS = 20.0
"""For no longer may everything stand still after a fault."""
RESUMED_AFTER_DATABASE_SECONDS = 25.0
"""The same after the loss of the database, which costs one quiet period besides."""


def id_of(driver: Driver, daemon: Program) -> str | None:
    """A daemon's own name in the database; None while it has not said it."""
    for event in driver.events("worker_started"):
        if event["host"].endswith(f":{daemon.pid}"):
            return str(event["worker_id"])
    return None


async def held_by(driver: Driver, worker_id: str | None) -> int:
    """How many claims a daemon holds."""
    return int(
        await driver.value(
            "select count(*) from lookups where claimed_by = $1::text::uuid", worker_id
        )
    )


async def longest_rest(driver: Driver) -> float:
    """The longest time, in seconds, in which no film was ended."""
    rows = await driver.fetch(
        "select extract(epoch from answered_at)::float8 as at from lookups order by answered_at"
    )
    moments = [row["at"] for row in rows]
    return longest_gap(moments, moments[0], moments[-1])
