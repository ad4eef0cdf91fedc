"""The API killed in the middle of an upload: the upload is whole or not there, and no litter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import psutil
import pytest

from tests.support.driving import Answer, title_list, until

if TYPE_CHECKING:
    from local_stack.tmdb.film import Film
    from tests.support.driving import Driver

EARLY, LATE = "lookups", "upload_reports"
"""Tables that an upload needs at its beginning and at its end: whoever locks one holds it there."""


@pytest.mark.parametrize("table", [EARLY, LATE], ids=["at its beginning", "at its end"])
async def test_an_upload_under_way_leaves_nothing(
    driver: Driver, films: list[Film], table: str
) -> None:
    api = driver.stack.api
    parsers = psutil.Process(api.pid).children(recursive=True)
    assert parsers
    holder = await asyncpg.connect(driver.stack.dsn)
    async with holder.transaction():
        await holder.execute(f"lock table {table} in share row exclusive mode")
        upload = asyncio.create_task(driver.post_list(title_list(films[:100])))
        await until(lambda: _waits_for(driver, table))
        await api.kill()
        with pytest.raises(aiohttp.ClientError):
            await upload
    await holder.close()
    await until(lambda: _api_has_no_connection(driver))
    await driver.audit()
    assert len(driver.uploads_on_disk()) == 1
    assert await driver.value("select count(*) from movies") == 0
    assert await driver.value("select count(*) from lookups") == 0
    await until(lambda: _are_gone(parsers))

    await api.start()
    assert driver.uploads_on_disk() == []
    (removed,) = driver.events("abandoned_uploads_removed", "api.log")
    assert removed["folders"] == 1
    await driver.stack.add_daemon()
    status = await driver.completed(await driver.upload(films[:100]))
    assert status["enriched_count"] == 100
    await driver.audit()


async def test_uploads_of_an_api_that_is_killed_at_any_moment_are_whole_or_not_there(
    driver: Driver, films: list[Film]
) -> None:
    await driver.stack.add_daemon()
    parsers = psutil.Process(driver.stack.api.pid).children(recursive=True)
    body = title_list(films[:100])
    uploads = [asyncio.create_task(driver.post_list(body)) for _ in range(12)]
    await until(lambda: _has_sessions(driver, 3))
    await driver.stack.api.kill()
    answers = await asyncio.gather(*uploads, return_exceptions=True)
    await until(lambda: _api_has_no_connection(driver))
    await until(lambda: _are_gone(parsers))
    await driver.stack.api.start()
    assert driver.uploads_on_disk() == []

    told = {answer.body["session_id"] for answer in answers if isinstance(answer, Answer)}
    stored = {row["id"] for row in await driver.fetch("select id::text from sessions")}
    assert told <= stored, "what was answered is there"
    driver.sessions |= stored
    for session_id in stored:
        status = await driver.completed(session_id)
        assert status["enriched_count"] == status["total_movies"] == 100
    await driver.audit()


async def _waits_for(driver: Driver, table: str) -> bool:
    return bool(
        await driver.value(
            "select count(*) from pg_locks where relation = $1::text::regclass and not granted",
            table,
        )
    )


async def _api_has_no_connection(driver: Driver) -> bool:
    connections = await driver.value(
        """
        select count(*)
        from pg_stat_activity
        where datname = current_database() and application_name = 'projectionist-api'
        """
    )
    return bool(connections == 0)


async def _has_sessions(driver: Driver, count: int) -> bool:
    return bool(await driver.value("select count(*) from sessions") >= count)


async def _are_gone(processes: list[psutil.Process]) -> bool:
    return not any(
        process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes
    )
