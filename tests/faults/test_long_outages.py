"""PostgreSQL away for 3 to 40 seconds, five times in one run, while lists come in all the time."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.driving import CONCURRENCY, title_list, until
from tests.support.watching import RESUMED_AFTER_DATABASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from local_stack.tmdb.film import Film
    from tests.faults.conftest import Ground
    from tests.support.driving import Driver

FAST_SHUTDOWN, CRASH = signal.SIGINT, signal.SIGQUIT
OUTAGES = ((3, CRASH), (10, FAST_SHUTDOWN), (3, FAST_SHUTDOWN), (40, CRASH), (3, CRASH))
"""For how many seconds, and how it goes."""
DAEMONS = 2
LISTED = 20
"""Films of each list that comes in."""
BETWEEN_LISTS_SECONDS = 0.5


class Uploads:
    """A user who goes on uploading, and comes again with the same key after a 503."""

    def __init__(self, driver: Driver, films: list[Film]) -> None:
        self._driver = driver
        self._lists = [films[start : start + LISTED] for start in range(0, len(films), LISTED)]
        self._enough = asyncio.Event()
        self.done: list[str] = []
        self.refused = 0

    async def run(self) -> None:
        """Upload one list after the other until told that it is enough."""
        for number, listed in enumerate(self._lists):
            if self._enough.is_set():
                return
            body = title_list(listed)
            answer = await self._driver.post_list(body, Idempotency_Key=str(number))
            while answer.status != 201:
                assert answer.status == 503, answer
                assert int(answer.headers["Retry-After"]) > 0
                self.refused += 1
                await asyncio.sleep(BETWEEN_LISTS_SECONDS)
                answer = await self._driver.post_list(body, Idempotency_Key=str(number))
            self.done.append(answer.body["session_id"])
            await asyncio.sleep(BETWEEN_LISTS_SECONDS)
        pytest.fail("there were too few lists for so long a run")

    def end(self) -> None:
        """Finish the list at hand, and stop."""
        self._enough.set()


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_postgresql_may_go_away_again_and_again(
    ground: Ground, driver: Driver, films: list[Film], bill: Callable[[int], int]
) -> None:
    await driver.slow_down()
    daemons = [await driver.stack.add_daemon() for _ in range(DAEMONS)]
    uploads = Uploads(driver, films)
    async with asyncio.TaskGroup() as group:
        group.create_task(uploads.run())
        for seconds, how in OUTAGES:
            await until(lambda: _is_at_work(driver))
            async with ground.without_database(how):
                await _everybody_waits(driver, uploads.done[-1], seconds)
            ended = await _ended(driver)
            await until(
                lambda ended=ended: _has_ended_more(driver, ended),  # type: ignore[misc]  # mypy knows no lambda with a default here
                seconds=RESUMED_AFTER_DATABASE_SECONDS,
            )
        uploads.end()
    for session_id in uploads.done:
        status = await driver.completed(session_id)
        assert status["enriched_count"] == LISTED

    assert set(uploads.done) == driver.sessions, "no list was stored twice"
    await driver.audit()
    assert uploads.refused > 0
    assert not driver.events("request_crashed", "api.log")
    assert not driver.events("lookup_retry"), "no film was charged for it"
    assert bill(await driver.paid_twice()) <= len(OUTAGES) * DAEMONS * CONCURRENCY
    for daemon in daemons:
        assert await daemon.stop() == 0


async def _everybody_waits(driver: Driver, session_id: str, seconds: float) -> None:
    """See for so long that the API says what is the matter, and that every process lives."""
    daemons = [f"http://127.0.0.1:{event['port']}" for event in driver.events("probes_started")]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = await driver.call("GET", f"/api/session/{session_id}/status")
        assert (answer.status, answer.body["code"]) == (503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        for url in (driver.stack.api_url, *daemons):
            async with driver.http.get(f"{url}/livez") as live:
                assert live.status == 200, url
            async with driver.http.get(f"{url}/readyz") as ready:
                assert ready.status == 503, url


async def _is_at_work(driver: Driver) -> bool:
    return await driver.claims() > 0


async def _ended(driver: Driver) -> int:
    return int(await driver.value("select count(*) from lookups where outcome is not null"))


async def _has_ended_more(driver: Driver, films: int) -> bool:
    return await _ended(driver) > films
