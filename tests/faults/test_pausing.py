"""Pause and resume: the whole fleet stops within a second, and a pause outlasts restarts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tests.support.driving import ADMIN_TOKEN, CONCURRENCY, until
from tests.support.watching import held_by, id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.processes import Program
    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

DAEMONS = 3
AT_ONCE_SECONDS = 1.0
NO_TICK = "3600"
"""`ENRICH_INTERVAL` of daemons that nothing but a notification wakes."""
LISTED = 600


async def test_fleet_pauses_within_a_second_and_over_restarts(
    driver: Driver, films: list[Film], bill: Callable[[int], int]
) -> None:
    await driver.slow_down()
    daemons = [
        await driver.stack.add_daemon(DRAIN_SECONDS="4", ENRICH_INTERVAL=NO_TICK)
        for _ in range(DAEMONS)
    ]
    session_id = await driver.upload(films[:LISTED])
    await until(lambda: _all_have_work(driver, daemons))

    assert (await _order(driver, "pause"))["worker_status"] == "paused"
    paused_at = time.time()
    api = driver.stack.api
    stopped = await asyncio.gather(*(program.stop() for program in (*daemons, api)))
    assert stopped == [0] * (DAEMONS + 1)
    await asyncio.gather(*(program.start() for program in (*daemons, api)))

    await until(lambda: _all_say_paused(driver))
    status = await driver.worker_status()
    assert (status["worker_status"], status["running"]) == ("paused", False)
    assert len(status["workers"]) == DAEMONS
    assert (await driver.status(session_id))["eta_seconds"] is None
    arrivals = (await driver.report())["arrivals"]
    assert arrivals[-1] < paused_at + AT_ONCE_SECONDS, "nobody sent anything since then"

    assert (await _order(driver, "resume"))["worker_status"] == "running"
    await until(lambda: _all_have_work(driver, daemons))
    await driver.speed_up()
    assert (await driver.completed(session_id))["enriched_count"] == LISTED
    await driver.audit()
    assert bill(await driver.paid_twice()) <= DAEMONS * CONCURRENCY


async def _order(driver: Driver, what: str) -> dict[str, object]:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    answer = await driver.call("POST", f"/worker/{what}", headers=headers)
    assert answer.status == 200
    return answer.body


async def _all_have_work(driver: Driver, daemons: list[Program]) -> bool:
    return all([await held_by(driver, id_of(driver, daemon)) > 0 for daemon in daemons])


async def _all_say_paused(driver: Driver) -> bool:
    """Whether every daemon knows; that it is alive and ready is seen on the way."""
    said = []
    for port in {event["port"] for event in driver.events("probes_started")}:
        url = f"http://127.0.0.1:{port}"
        for probe in ("livez", "readyz", "health"):
            async with driver.http.get(f"{url}/{probe}") as answer:
                assert answer.status == 200, f"{url}/{probe}"
        async with driver.http.get(f"{url}/worker/status") as answer:
            said.append((await answer.json())["worker_status"])
    return said == ["paused"] * DAEMONS
