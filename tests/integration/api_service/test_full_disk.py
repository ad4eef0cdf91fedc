"""When the disk takes no more, an upload is refused whole: never a part of a list for all of it."""

from __future__ import annotations

import resource
import shutil
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import pytest

from local_stack.processes import Program, free_port

if TYPE_CHECKING:
    from pathlib import Path

ROOM = 100_000


@pytest.mark.parametrize("size", [ROOM + 1, ROOM + 50_000, 3 * ROOM])
async def test_an_upload_for_which_there_is_no_room(dsn: str, tmp_path: Path, size: int) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = {"DATABASE_URL": dsn, "API_PORT": str(port)}
    rows = b"Title\nHeat\n".ljust(size, b"\n")
    async with (
        Program("api_service", env=env, ready=f"{url}/readyz", log=tmp_path / "api.log") as program,
        aiohttp.ClientSession(url, headers={"Content-Type": "text/csv"}) as client,
    ):
        # To a process that may write no larger file, the disk is full from there on.
        resource.prlimit(program.pid, resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
        response = await client.post("/api/upload", data=rows)
        problem = await response.json()
        assert (response.status, problem["code"]) == (503, "storage_full")
        assert int(response.headers["Retry-After"]) > 0
        small = await client.post("/api/upload", data=b"Title\nHeat\n")
        assert small.status == 201
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select count(*) from sessions") == 1
    await connection.close()


async def test_an_upload_while_the_temporary_folder_is_gone(dsn: str, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = {"DATABASE_URL": dsn, "API_PORT": str(port), "TMPDIR": str(temporary)}
    async with (
        Program("api_service", env=env, ready=f"{url}/readyz", log=tmp_path / "api.log"),
        aiohttp.ClientSession(url, headers={"Content-Type": "text/csv"}) as client,
    ):
        shutil.rmtree(temporary)
        response = await client.post("/api/upload", data=b"Title\nHeat\n")
        assert (response.status, (await response.json())["code"]) == (503, "storage_full")
        temporary.mkdir()
        assert (await client.post("/api/upload", data=b"Title\nHeat\n")).status == 201
    assert list(temporary.iterdir()) == []
