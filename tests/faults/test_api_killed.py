"""The API killed in the middle of an upload: the upload is whole or not there, and no litter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import psutil
import pytest

from tests.driving import Answer, plain_films, running, title_list, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.driving import Driver

EARLY, LATE = "lookups", "upload_reports"
"""Tables that an upload needs at its beginning and at its end: whoever locks one holds it there."""


@pytest.mark.parametrize("table", [EARLY, LATE])
async def test_an_upload_under_way_leaves_nothing(dsn: str, tmp_path: Path, table: str) -> None:
    films = plain_films(100)
    async with running(dsn, tmp_path) as driver:
        api = driver.stack.api
        parsers = psutil.Process(api.pid).children(recursive=True)
        assert parsers
        holder = await asyncpg.connect(dsn)
        async with holder.transaction():
            await holder.execute(f"lock table {table} in share row exclusive mode")
            upload = asyncio.create_task(driver.post_list(title_list(films)))
            await until(lambda: _waits_for(driver, table))
            await api.kill()
            with pytest.raises(aiohttp.ClientError):
                await upload
        await holder.close()
        await until(lambda: _has_no_connection(driver))
        await driver.audit()
        for emptied in ("movies", "lookups", "upload_reports"):
            assert await driver.value(f"select count(*) from {emptied}") == 0, emptied  # noqa: S608  # names of ours
        await until(lambda: _are_gone(parsers))

        await api.start()
        session_id = await driver.upload(films)
        status = await driver.completed(session_id)
        assert status["enriched_count"] == len(films)
        await driver.audit(session_id)


async def test_uploads_of_an_api_that_is_killed_at_any_moment_are_whole_or_not_there(
    dsn: str, tmp_path: Path
) -> None:
    films = plain_films(100)
    async with running(dsn, tmp_path) as driver:
        uploads = [asyncio.create_task(driver.post_list(title_list(films))) for _ in range(12)]
        await until(lambda: _has_sessions(driver, 3))
        await driver.stack.api.kill()
        answers = await asyncio.gather(*uploads, return_exceptions=True)
        await until(lambda: _has_no_connection(driver))
        await driver.stack.api.start()

        told = {answer.body["session_id"] for answer in answers if isinstance(answer, Answer)}
        stored = {row["id"] for row in await driver.fetch("select id::text from sessions")}
        assert told <= stored, "what was answered is there"
        for session_id in stored:
            status = await driver.completed(session_id)
            assert status["enriched_count"] == status["total_movies"] == len(films)
        await driver.audit(*stored)


async def _waits_for(driver: Driver, table: str) -> bool:
    return bool(
        await driver.value(
            "select count(*) from pg_locks where relation = $1::text::regclass and not granted",
            table,
        )
    )


async def _has_no_connection(driver: Driver) -> bool:
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
