"""What it costs that a transaction states what it relies on: one that reads a single number.

Each form is run in turn over one connection, so that a busy machine slows all of them alike: as
asyncpg begins it, as a direct connection begins it here, and as it is begun behind a pooler, where
each transaction has to state everything.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

import asyncpg

from benchmarks.figures import Figure, percentile
from benchmarks.harness import Room, run
from shared.postgres.connector import CONNECT_SECONDS
from shared.postgres.transactions import transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from shared.postgres.database import Connection

    Begin = Callable[[Connection], AbstractAsyncContextManager[None]]

REACH_MILLISECONDS = 0.05
"""More than asyncpg's own, over a direct connection."""
FORMS: tuple[Begin, ...] = (
    lambda connection: connection.transaction(),
    lambda connection: transaction(connection, pooled=False),
    lambda connection: transaction(connection, pooled=True),
)


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """The median of each form, and what it is more than the first."""
    connection = await asyncpg.connect(room.server.dsn(), timeout=CONNECT_SECONDS)
    took: list[list[float]] = [[] for _ in FORMS]
    try:
        for _ in range(options.transactions):
            for begin, milliseconds in zip(FORMS, took, strict=True):
                start = time.perf_counter()
                async with begin(connection):
                    await connection.fetchval("select 1")
                milliseconds.append(1000 * (time.perf_counter() - start))
    finally:
        await connection.close()
    bare, direct, pooled = (percentile(milliseconds, 50) for milliseconds in took)
    return [
        Figure("a transaction as asyncpg begins it", f"{bare:.3f} ms"),
        Figure(
            "the same over a direct connection",
            f"{direct:.3f} ms, {direct - bare:+.3f} ms",
            f"<= {REACH_MILLISECONDS} ms more",
            direct - bare <= REACH_MILLISECONDS,
        ),
        Figure("the same behind a pooler", f"{pooled:.3f} ms, {pooled - bare:+.3f} ms"),
    ]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.transactions", description=__doc__
    )
    arguments.add_argument("--transactions", type=int, default=3000)
    run(measure, arguments.parse_args())
