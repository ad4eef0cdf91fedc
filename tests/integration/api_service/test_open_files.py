"""More connections than a process may open: the log stays small, and others are served again."""

from __future__ import annotations

import asyncio
import json
import os
import resource
from typing import TYPE_CHECKING

import aiohttp
import psutil

from local_stack.processes import Program, free_port
from local_stack.stack import LIFTED
from tests.support.driving import until

if TYPE_CHECKING:
    from pathlib import Path

SPARE = 20
"""Files that the API may open beside those that it has open at its start."""
CONNECTIONS = 60
MOST_LOGGED = 30_000


async def test_connections_beyond_the_limit_are_logged_once_and_leave_nothing(
    dsn: str, tmp_path: Path
) -> None:
    (temporary := tmp_path / "temporary").mkdir()
    url = f"http://127.0.0.1:{(port := free_port())}"
    log = tmp_path / "api.log"
    env = LIFTED | {"DATABASE_URL": dsn, "API_PORT": str(port), "TMPDIR": str(temporary)}
    async with (
        Program("api_service", env=env, ready=f"{url}/readyz", log=log) as program,
        aiohttp.ClientSession(url, headers={"Content-Type": "text/csv"}) as client,
    ):
        most = psutil.Process(program.pid).num_fds() + SPARE
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (most, most))
        writers: list[asyncio.StreamWriter] = []
        for _ in range(CONNECTIONS):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nTitle")
            writers.append(writer)

        def said() -> list[str]:
            return [line for line in log.read_text("utf-8").splitlines() if "accept_failed" in line]

        await until(said)
        for writer in writers:
            writer.close()

        async def is_served() -> bool:
            async with client.post("/api/upload", data=b"Title\nHeat\n") as answer:
                return answer.status == 201

        await until(is_served)
        assert [json.loads(line)["suppressed"] for line in said()] == [0]
        await until(lambda: not os.listdir(temporary))  # noqa: PTH208  # pytest's own folder
    assert log.stat().st_size < MOST_LOGGED
