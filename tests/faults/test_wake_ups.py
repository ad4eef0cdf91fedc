"""Wake-ups that never arrive: the tick alone finds the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.tmdb.film import Film
    from tests.driving import Driver

NOWHERE = "postgresql://nobody@127.0.0.1:1/nowhere"


async def test_without_listen_the_tick_finds_every_upload(
    driver: Driver, films: list[Film], bill: Callable[[int], int]
) -> None:
    await driver.stack.add_daemon(LISTEN_DATABASE_URL=NOWHERE, ENRICH_INTERVAL="1")
    for start in range(0, 30, 10):
        # One after the other, each into a quiet fleet: work in flight would hide a lost tick.
        status = await driver.completed(await driver.upload(films[start : start + 10]))
        assert status["enriched_count"] == 10
    await driver.audit()
    assert bill(await driver.paid_twice()) == 0
    assert driver.events("listener_connect_failed")
    assert not driver.events("listener_connected")
