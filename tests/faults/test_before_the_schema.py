"""Services that start before their database has a schema: they wait, say why, and then work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from local_stack.processes import Program, free_port, migrate
from local_stack.stack import STAND_IN_KEY, Stack
from tests.support.driving import Driver, create_database, plain_films, until

if TYPE_CHECKING:
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres
    from tests.conftest import RunningStandIn


async def test_both_services_wait_for_the_schema_and_then_work(
    postgres: EmbeddedPostgres, tmdb: RunningStandIn, tmp_path: Path
) -> None:
    dsn = await create_database(postgres)
    ports = free_port(), free_port()
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    env = {
        "DATABASE_URL": dsn,
        "TMDB_API_KEY": STAND_IN_KEY,
        "TMDB_BASE_URL": tmdb.url,
        "API_PORT": str(ports[0]),
        "WORKER_PORT": str(ports[1]),
    }
    api, worker = (
        Program(name, env=env, ready=f"{url}/readyz", log=tmp_path / f"{log}.log")
        for name, log, url in zip(
            ("api_service", "enrich_service"), ("api", "enrich"), urls, strict=True
        )
    )
    driver = Driver(Stack(dsn, tmp_path, api_port=ports[0]), aiohttp.ClientSession())
    await api.start(wait=False)
    await worker.start(wait=False)
    try:
        for url in urls:
            await until(lambda url=url: _unready_without_schema(driver.http, url))  # type: ignore[misc]  # mypy knows no lambda with a default here
        refused = await driver.post_list(b"Title,Year\nHeat,1995\n")
        assert (refused.status, refused.body["code"]) == (503, "schema_outdated")

        await migrate(dsn)

        await api.wait_until_ready()
        await worker.wait_until_ready()
        status = await driver.completed(await driver.upload(plain_films(10)))
        assert status["enriched_count"] == 10
        await driver.audit()
        (waited,) = driver.events("waiting_for_database")
        assert waited["code"] == "schema_outdated"
    finally:
        await driver.http.close()
        assert await worker.stop() == 0
        assert await api.stop() == 0


async def _unready_without_schema(http: aiohttp.ClientSession, url: str) -> bool:
    """Whether a service lives, is not ready and says what to do; False while it only starts."""
    try:
        async with http.get(f"{url}/livez") as response:
            assert response.status == 200
        async with http.get(f"{url}/readyz") as response:
            assert response.status == 503
            assert "alembic upgrade head" in (await response.json())["reason"]
    except aiohttp.ClientConnectionError:
        return False
    return True
