"""Uploads that stay open and hold films in flight, while daemons are killed and drained.

`HELD_ROUNDS` says how many rounds there are; `HELD_SEED` repeats a run's choices (not its timing).
"""

from __future__ import annotations

import os
import random
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from tests.support.open_upload import OpenUpload

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.processes import Program
    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

SEED = int(os.environ.get("HELD_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
ROUNDS = int(os.environ.get("HELD_ROUNDS", "10"))
HELD, FREE = 60, 40
"""In each round so many films are held as soon as they are listed, and so many others must end."""
MOST_OPEN = 2
RUN_SECONDS = 300.0


@pytest.mark.long
@pytest.mark.timeout(RUN_SECONDS + 120)
async def test_long_uploads_with_kills_and_drains_leave_exact_counts(
    driver: Driver, films: list[Film], bill: Callable[[int], int]
) -> None:
    chance = random.Random(SEED)  # noqa: S311  # a choice that can be repeated, no secret
    await driver.slow_down()
    daemons = [await _add_daemon(driver) for _ in range(2)]
    sessions: list[str] = []
    uploads: list[OpenUpload] = []
    try:
        async with AsyncExitStack() as connections:
            for start in range(0, ROUNDS * (HELD + FREE), HELD + FREE):
                listing = await driver.upload(films[start : start + HELD])
                upload = await connections.enter_async_context(OpenUpload.over(driver.stack.dsn))
                await upload.list_keys(await _keys_of(driver, listing))
                uploads.append(upload)
                bystander = await driver.upload(films[start + HELD : start + HELD + FREE])
                sessions += [listing, bystander]
                await driver.completed(bystander, seconds=RUN_SECONDS)
                await _disturb(driver, daemons, chance)
                while len(uploads) > MOST_OPEN:
                    sessions.append(await _commit(driver, uploads.pop(0)))
            sessions += [await _commit(driver, upload) for upload in uploads[1:]]
        # The connection of the one that is left was closed: what it held is free, too.
        for session_id in sessions:
            status = await driver.completed(session_id, seconds=RUN_SECONDS)
            assert status["enriched_count"] == status["total_movies"]
        await driver.audit()
        assert bill(await driver.paid_twice()) <= _begun_in_vain(driver)
        for daemon in daemons:
            await daemon.wait_until_ready()
            assert await daemon.stop() == 0
    except BaseException as error:
        error.add_note(f"HELD_SEED={SEED}")
        raise


async def _add_daemon(driver: Driver) -> Program:
    return await driver.stack.add_daemon(wait=False, DRAIN_SECONDS="3")


async def _disturb(driver: Driver, daemons: list[Program], chance: random.Random) -> None:
    """Kill a daemon, or have it drained, and start another; or leave all as they are."""
    match chance.choice(["kill", "drain", "nothing"]):
        case "kill":
            await daemons.pop(0).kill()
        case "drain":
            await daemons[0].wait_until_ready()
            assert await daemons.pop(0).stop() == 0
        case _:
            return
    daemons.append(await _add_daemon(driver))


async def _commit(driver: Driver, upload: OpenUpload) -> str:
    await upload.commit()
    session_id = str(upload.session_id)
    driver.sessions.add(session_id)
    return session_id


async def _keys_of(driver: Driver, session_id: str) -> list[str]:
    rows = await driver.fetch(
        """
        select key
        from movies
        join lookups on lookups.id = lookup_id
        where session_id = $1::text::uuid
        """,
        session_id,
    )
    return [row["key"] for row in rows]


def _begun_in_vain(driver: Driver) -> int:
    """Claims that were lost by kills, or given back by drains."""
    names = ("claims_reclaimed", "claims_given_back")
    return sum(event["count"] for name in names for event in driver.events(name))
