"""How a case comes to rest: daemons end whatever is to be ended, and nobody else acts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.torture.daemons import answered, claimed, save
from tests.torture.world import SILENT_SECONDS, chance_of

if TYPE_CHECKING:
    from enrich_service.lookups import Claim
    from tests.torture.world import Worker, World

MOST_ROUNDS = 200


async def come_to_rest(world: World) -> None:
    """Let one more daemon release, claim and end all that there is, and prune."""
    chance = chance_of("rest")
    last = world.add_worker()
    await last.beat()
    await world.auditor.execute(
        "update workers set heartbeat_at = heartbeat_at - interval '1 day' where id <> $1",
        last.id,
    )
    await last.storage.reclaim.reclaim_silent(last.id, SILENT_SECONDS)
    for _ in range(MOST_ROUNDS):
        # Backoffs end.
        await world.auditor.execute(
            "update lookups set due_at = clock_timestamp() where due_at > clock_timestamp()"
        )
        last.storage.queue.floor.lower()
        claims = await claimed(world, last, 20) or await _background(world, last)
        if not claims:
            break
        for claim in claims:
            await save(world, last, [answered(claim, chance)])
    if healed := await last.storage.sessions.reconcile():
        world.breaks("G19", f"sessions {healed} had to be mended")
    while await last.storage.retention.prune_queue():
        pass
    await last.sharing.close()


async def _background(world: World, worker: Worker) -> list[Claim]:
    token = world.new_id()
    claim = await worker.storage.background.claim(
        worker.id, token, timedelta(seconds=1), in_share=False
    )
    return [claim] if claim else []
