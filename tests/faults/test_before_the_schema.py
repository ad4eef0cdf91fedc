"""Services that start before their database has a schema: they wait, say why, and then work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from local_stack.processes import Program, free_port, migrate
from local_stack.stack import STAND_IN_KEY
from tests.driving import plain_films, running, until

if TYPE_CHECKING:
    from pathlib import Path


async def test_both_services_wait_for_the_schema_and_then_work(
    empty_dsn: str, tmp_path: Path
) -> None:
    api_port, worker_port = free_port(), free_port()
    env = {
        "DATABASE_URL": empty_dsn,
        "TMDB_API_KEY": STAND_IN_KEY,
        "API_PORT": str(api_port),
        "WORKER_PORT": str(worker_port),
    }
    urls = [f"http://127.0.0.1:{port}" for port in (api_port, worker_port)]
    api = Program("api_service", env=env, ready=f"{urls[0]}/readyz", log=tmp_path / "api")
    worker = Program("enrich_service", env=env, ready=f"{urls[1]}/readyz", log=tmp_path / "enrich")
    async with aiohttp.ClientSession() as http:
        await api.start(wait=False)
        await worker.start(wait=False)
        try:
            for url in urls:
                await until(lambda url=url: _answers(http, f"{url}/livez"))
                async with http.get(f"{url}/readyz") as response:
                    assert response.status == 503
                    assert "alembic upgrade head" in (await response.json())["reason"]
            upload = {"data": b"Title,Year\nHeat,1995\n", "headers": {"Content-Type": "text/csv"}}
            async with http.post(f"{urls[0]}/api/upload", **upload) as response:
                assert response.status == 503
                assert (await response.json())["code"] == "schema_outdated"

            await migrate(empty_dsn)

            await api.wait_until_ready()
            await worker.wait_until_ready()
            async with http.post(f"{urls[0]}/api/upload", **upload) as response:
                assert response.status == 201
        finally:
            assert await worker.stop() == 0
            assert await api.stop() == 0
    assert "waiting_for_database" in (tmp_path / "enrich").read_text()
