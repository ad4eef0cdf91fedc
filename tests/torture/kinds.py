"""The kinds of actors, and how likely each is; and what has happened before a case begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture import daemons, housekeeping, users

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from random import Random

    from tests.torture.world import World

    Act = Callable[[World, Random], Awaitable[None]]

ACTS: dict[str, Act] = {
    "upload": users.upload,
    "add": users.add,
    "force": users.force,
    "correct": users.correct,
    "remove": users.remove,
    "delete": users.delete,
    "work": daemons.work,
    "refresh": daemons.refresh,
    "silence": daemons.silence,
    "reclaim": daemons.reclaim,
    "beat": daemons.beat,
    "window": daemons.window,
    "forget": housekeeping.forget,
    "sweep": housekeeping.sweep,
    "heal": housekeeping.heal,
    "prune": housekeeping.prune,
}
KINDS = {
    "upload": 5,
    "add": 4,
    "force": 3,
    "correct": 4,
    "remove": 2,
    "delete": 3,
    "work": 10,
    "refresh": 2,
    "silence": 2,
    "reclaim": 3,
    "beat": 2,
    "window": 2,
    "forget": 2,
    "sweep": 3,
    "heal": 1,
    "prune": 1,
}
"""How likely each is."""


async def begin_case(world: World, chance: Random) -> None:
    """Let there be a few lists, some of whose films have ended."""
    for _ in range(chance.randint(1, 2)):
        await users.upload(world, chance)
    if chance.random() < 3 / 4:
        await daemons.work(world, chance)
