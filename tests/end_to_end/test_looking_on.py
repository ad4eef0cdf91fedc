"""Looking on while both services work, each a process of its own; and when they stop."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.driving import ADMIN_TOKEN, plain_films
from tests.support.event_streams import following

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.driving import Driver
    from tests.support.event_streams import EventStream

ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
FILMS = 60


@asynccontextmanager
async def looking_on(driver: Driver, session_id: str, **headers: str) -> AsyncIterator[EventStream]:
    response = await driver.http.get(
        f"{driver.stack.api_url}/api/session/{session_id}/events",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    async with following(response) as stream:
        await stream.begun()
        yield stream


async def order(driver: Driver, what: str) -> None:
    assert (await driver.call("POST", f"/worker/{what}", headers=ADMIN)).status == 200


async def test_each_film_is_told_of_as_it_is_found_to_the_last(driver: Driver) -> None:
    await driver.slow_down()
    session_id = await driver.upload(plain_films(FILMS))
    async with looking_on(driver, session_id) as stream:
        status = await stream.until_status(status="completed")
        assert status == await driver.status(session_id)
        await stream.until_films(FILMS)
        assert {film["position"] for film in stream.films()} == set(range(1, FILMS + 1))
        assert len(stream.films()) == FILMS, "each once"
        done = [told["enriched_count"] for told in stream.of("status")]
        assert done == sorted(done)
        assert len(set(done)) > 3
        assert [told["worker_status"] for told in stream.of("fleet")] == ["running"]


async def test_an_api_that_is_stopped_ends_its_streams_and_who_comes_back_goes_on(
    driver: Driver,
) -> None:
    await driver.slow_down()
    await order(driver, "pause")
    session_id = await driver.upload(plain_films(FILMS))
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(looking_on(driver, session_id)) for _ in range(20)
        ]
        await order(driver, "resume")
        for stream in streams:
            await stream.until_films(5)
        # What is in flight is still answered while nobody can look on.
        await order(driver, "pause")
        assert await driver.stack.api.stop() == 0
        for stream in streams:
            await stream.until_ended()
            assert not stream.broken, "the API ended it, before its patience with it was over"
    await driver.stack.api.start()
    before = {film["position"] for film in stream.films()}
    last_id = stream.events[-1].last_id
    assert last_id is not None
    async with looking_on(driver, session_id, Last_Event_ID=last_id) as stream:
        await order(driver, "resume")
        await stream.until_status(status="completed")
        await stream.until(lambda: len(before | _positions(stream)) == FILMS)
        assert not before & _positions(stream), "what it has is not told again"


def _positions(stream: EventStream) -> set[int]:
    return {film["position"] for film in stream.films()}
