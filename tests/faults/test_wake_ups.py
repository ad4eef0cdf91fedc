"""Wake-ups that never arrive: the tick alone finds the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.driving import plain_films, running

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"


async def test_without_listen_the_tick_finds_every_upload(
    dsn: str, tmp_path: Path, bill: Callable[[int], int]
) -> None:
    films = plain_films(30)
    async with running(dsn, tmp_path, daemons=0) as driver:
        await driver.stack.add_daemon(LISTEN_DATABASE_URL=NOWHERE, ENRICH_INTERVAL="1")
        sessions = []
        for start in range(0, 30, 10):
            # One after the other, each into a quiet fleet: work in flight would hide a lost tick.
            sessions.append(await driver.upload(films[start : start + 10]))
            status = await driver.completed(sessions[-1])
            assert status["enriched_count"] == 10
        await driver.audit(*sessions)
        assert bill(await driver.paid_twice()) == 0
        assert driver.events("listener_connect_failed")
        assert not driver.events("listener_connected")
