"""When the disk takes no more, an upload is refused whole: never a part of a list for all of it."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import subprocess
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import pytest

from local_stack.processes import Program, free_port
from tests.support.exposition import PREFIX, Exposition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shared.postgres.database import Database
    from tests.support.api_driving import Service

ROOM = 100_000
TMPFS_BYTES = 2 * 1024**2
REFUSED = f"{PREFIX}requests_refused_total"


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


@pytest.fixture
def tmpfs(tmp_path: Path) -> Iterator[Path]:
    """A disk of `TMPFS_BYTES`."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={TMPFS_BYTES}", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)  # noqa: S603  # our own folder
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S603, S607  # the same


async def test_a_disk_that_fills_while_a_list_is_read(
    dsn: str, tmp_path: Path, tmpfs: Path
) -> None:
    """The list itself fits, what the parser writes of it does not."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = {"DATABASE_URL": dsn, "API_PORT": str(port), "TMPDIR": str(tmpfs)}
    log = tmp_path / "api.log"
    rows = "".join(f"F{number}\n" for number in range(TMPFS_BYTES // 20))
    async with (
        Program("api_service", env=env, ready=f"{url}/readyz", log=log),
        aiohttp.ClientSession(url, headers={"Content-Type": "text/csv"}) as client,
    ):
        for _ in range(2):
            response = await client.post("/api/upload", data=f"Title\n{rows}".encode())
            problem = await response.json()
            assert (response.status, problem["code"]) == (503, "storage_full")
            assert int(response.headers["Retry-After"]) > 0
        assert (await client.post("/api/upload", data=b"Title\nHeat\n")).status == 201
        refused = Exposition(await (await client.get("/metrics")).text())
        assert refused.value(REFUSED, code="storage_full") == 2
    assert os.listdir(tmpfs) == []  # noqa: PTH208  # pytest's own folder
    assert "Traceback" not in await asyncio.to_thread(log.read_text, "utf-8")


async def test_sessions_read_out_to_a_disk_that_is_full(
    dsn: str, tmp_path: Path, tmpfs: Path
) -> None:
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = {"DATABASE_URL": dsn, "API_PORT": str(port), "TMPDIR": str(tmpfs)}
    async with (
        Program("api_service", env=env, ready=f"{url}/readyz", log=tmp_path / "api.log"),
        aiohttp.ClientSession(url, headers={"Content-Type": "text/csv"}) as client,
    ):
        rows = "".join(f"F{number}\n" for number in range(2_000))
        response = await client.post("/api/upload", data=f"Title\n{rows}".encode())
        session = f"/api/session/{(await response.json())['session_id']}"
        filler = tmpfs / "filler"
        await asyncio.to_thread(filler.write_bytes, bytes(shutil.disk_usage(tmpfs).free - 50_000))
        response = await client.post(f"{session}/upload", data=b"Title\nHeat\n")
        assert (response.status, (await response.json())["code"]) == (503, "storage_full")
        await asyncio.to_thread(filler.unlink)
        assert (await client.post(f"{session}/upload", data=b"Title\nHeat\n")).status == 200


async def test_a_database_whose_disk_is_full(service: Service, database: Database) -> None:
    """PostgreSQL says 53100 itself, from a trigger: a full disk of its own would end the server."""
    await database.fetchval("select 1")
    for statement in (
        """
        create function no_room() returns trigger language plpgsql as
        $$ begin raise exception 'no room' using errcode = 'disk_full'; end $$
        """,
        "create trigger no_room before insert on movies for each row execute function no_room()",
    ):
        await database.fetch(statement)
    response = await service.upload("Title\nHeat\n")
    await service.problem(response, 503, "storage_full")
    assert int(response.headers["Retry-After"]) > 0
    await database.fetch("drop trigger no_room on movies")
    assert (await service.upload("Title\nHeat\n")).status == 201
