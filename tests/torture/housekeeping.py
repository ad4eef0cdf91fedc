"""What the daemons' tick does, on the stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.torture.users import some_session
from tests.torture.world import RULE

if TYPE_CHECKING:
    from random import Random

    from tests.torture.world import World

OLD_DAYS = 30


async def forget(world: World, chance: Random) -> None:
    """Delete a list that nobody has read for long."""
    if (session_id := some_session(world, chance)) is None:
        return
    if session_id in world.expected:
        world.expected[session_id].is_gone = True
    await world.database.fetch(
        "update sessions set read_at = read_at - interval '40 days' where id = $1", session_id
    )
    await chance.choice(world.workers).storage.retention.expire_unread(OLD_DAYS)


async def sweep(world: World, chance: Random) -> None:
    """Delete what no list has any more: questions, old answers and records."""
    retention = chance.choice(world.workers).storage.retention
    await world.database.fetch(
        """
        update lookups
        set answered_at = answered_at - interval '40 days'
        where id in (
          select id
          from lookups
          where answered_at is not null and due_at is null
          order by id
          for no key update skip locked
        )
        """
    )
    await retention.prune_queue()
    await retention.prune_answers(OLD_DAYS)
    await retention.drop_records(OLD_DAYS)


async def heal(world: World, chance: Random) -> None:
    """Mend what ought never to be."""
    if healed := await chance.choice(world.workers).storage.sessions.reconcile():
        world.breaks("G19", f"sessions {healed} had to be mended")


async def prune(world: World, chance: Random) -> None:
    """Delete what the clocks have passed."""
    storage = chance.choice(world.workers).storage
    await storage.clocks.prune()
    await storage.retention.prune_grants()
    await storage.retention.prune_slots(RULE.limit)
