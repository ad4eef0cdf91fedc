"""What `make run` starts: from nothing to a sample on its way, and an orderly end by Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import psutil
import pytest
from aiohttp.test_utils import TestServer

from local_stack.processes import ROOT, free_port
from local_stack.stack import STAND_IN_KEY
from local_stack.tmdb.app import create_app as create_stand_in
from local_stack.tmdb.options import StandInOptions
from tests.support.film_lists import plain_films, title_list
from tests.support.waiting import until

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Iterator

    from local_stack.tmdb.catalogue import Catalogue

SECONDS = 100.0
"""For which a launch is waited for; on a busy machine it takes most of a minute."""
ELSEWHERE = "127.0.0.2"
"""Another address of this machine."""
_launched: list[Process] = []


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder with spaces in its name.

    It is not in pytest's own, which each run of pytest closes to the database server's account.
    """
    folder = Path(tempfile.mkdtemp(prefix="projectionist launch "))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
async def nothing_is_left_running() -> AsyncIterator[None]:
    """End what a failed test launched: a whole stack would slow down all tests that follow."""
    yield
    for process in _launched:
        if process.returncode is None:
            process.kill()  # what it started ends with it
            await process.wait()
    _launched.clear()


async def _launch(data: Path, port: str, **env: str) -> Process:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local_stack", "--data", str(data)),
        cwd=ROOT,
        env={**os.environ, "API_PORT": port, **env},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    _launched.append(process)
    return process


async def _until_said(process: Process, text: str) -> str:
    """Wait until a line has this text; all that was said until then."""
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(SECONDS):
        while text not in (line := (await process.stdout.readline()).decode()):
            assert line, f"it ended before it said so: {said}"
            said += line
    return said + line


async def test_the_sample_is_on_its_way_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    port = str(free_port())
    launcher = await _launch(tmp_path / "data", port, API_HOST=ELSEWHERE)
    await _until_said(launcher, "Sample export")
    async with aiohttp.ClientSession(f"http://{ELSEWHERE}:{port}") as http:
        worker = await (await http.get("/worker/status")).json()
    assert worker["worker_status"] == "running"

    launcher.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(launcher.communicate(), SECONDS)

    assert launcher.returncode == 0, output.decode()
    assert b"Stopping" in output
    assert b"Traceback" not in output
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


async def test_the_sample_is_completed_and_shown(tmp_path: Path) -> None:
    """With a raised budget; into a file, where every address must stay in one piece."""
    port = str(free_port())
    launcher = await _launch(tmp_path / "data", port, TMDB_RATE_LIMIT="1000", TMDB_RATE_PERIOD="1")
    said = await _until_said(launcher, "/session/")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        page = await http.get(said.splitlines()[-1])
        assert (page.status, page.content_type) == (200, "text/html")
        assert 'content="/assets/sample.zip"' in await (await http.get("/")).text()
    launcher.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(launcher.communicate(), SECONDS)
    assert launcher.returncode == 0, output.decode()
    (first, *_, last) = re.findall(r"^(\d+)/74 films  (.*)$", said, re.MULTILINE)
    assert int(first[0]) < 74
    assert last == ("74", "completed")
    assert "of 71 films found" in said
    assert said.count(": TMDB has no ") == 3
    assert re.search(rf"^http://127\.0\.0\.1:{port}/session/[\w-]+$", said, re.MULTILINE)


@pytest.mark.long
async def test_what_the_stand_in_told_is_not_there_when_the_real_tmdb_is_meant(
    tmp_path: Path,
) -> None:
    known = await _after_upload(tmp_path / "data", complete=True)
    assert known["enriched_count"] == 1
    real = {"TMDB_API_KEY": STAND_IN_KEY, "TMDB_BASE_URL": "http://127.0.0.1:1"}
    unknown = await _after_upload(tmp_path / "data", complete=False, **real)
    assert (unknown["status"], unknown["enriched_count"]) == ("enriching", 0)


async def _after_upload(data: Path, *, complete: bool, **env: str) -> dict[str, object]:
    """The status of a film's session in a launch of its own, once it is complete or at once."""
    launcher = await _launch(data, port := str(free_port()), **env)
    await _until_said(launcher, "Sample export")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        film = title_list(plain_films(1))
        answer = await http.post("/api/upload", data=film, headers={"Content-Type": "text/csv"})
        status = await answer.json()
        address = answer.headers["Location"]

        async def is_completed() -> bool:
            nonlocal status
            status = await (await http.get(address)).json()
            return bool(status["status"] == "completed")

        if complete:
            await until(is_completed)
    launcher.send_signal(signal.SIGINT)
    await asyncio.wait_for(launcher.communicate(), SECONDS)
    return dict(status)


async def test_a_database_of_ones_own_is_not_filled_with_the_stand_ins_films(
    tmp_path: Path, dsn: str
) -> None:
    launcher = await _launch(tmp_path, str(free_port()), DATABASE_URL=dsn)
    output, _ = await asyncio.wait_for(launcher.communicate(), SECONDS)
    assert launcher.returncode == 1
    assert "Set TMDB_API_KEY too" in output.decode()
    assert not (tmp_path / "logs").exists()


async def test_an_address_that_cannot_be_read_is_named_and_not_shown(tmp_path: Path) -> None:
    address = "postgresql://u:s3cretpw#1@127.0.0.1:1/x"
    launcher = await _launch(tmp_path, str(free_port()), DATABASE_URL=address)
    output, _ = await asyncio.wait_for(launcher.communicate(), SECONDS)
    assert launcher.returncode == 1
    assert "DATABASE_URL: " in output.decode()
    assert "s3cretpw" not in output.decode()


async def test_a_wrong_port_is_named(tmp_path: Path) -> None:
    launcher = await _launch(tmp_path, "many")
    output, _ = await asyncio.wait_for(launcher.communicate(), SECONDS)
    assert launcher.returncode == 1
    assert output.decode().startswith("Wrong settings:\n  API_PORT: ")
    assert "many" not in output.decode()


@pytest.mark.parametrize(
    ("taken", "host"),
    [
        ("127.0.0.1", ""),
        (ELSEWHERE, ELSEWHERE),
        (ELSEWHERE, "0.0.0.0"),  # noqa: S104  # everywhere has that address in it
    ],
)
async def test_a_port_in_use_is_named_with_the_way_out(
    tmp_path: Path, taken: str, host: str
) -> None:
    server = await asyncio.start_server(lambda *_: None, taken, 0)
    port = server.sockets[0].getsockname()[1]
    launcher = await _launch(tmp_path, str(port), API_HOST=host)
    output, _ = await asyncio.wait_for(launcher.communicate(), SECONDS)
    server.close()
    await server.wait_closed()
    assert launcher.returncode == 1
    assert f"Port {port} is in use" in output.decode()


@pytest.mark.long
@pytest.mark.parametrize(
    ("key", "said"), [("f" * 32, "TMDB refuses the key"), (None, "TMDB is down")]
)
async def test_why_nothing_is_found_is_said(
    tmp_path: Path, bundled_catalogue: Catalogue, key: str | None, said: str
) -> None:
    server = TestServer(create_stand_in(bundled_catalogue, StandInOptions(api_key=key)))
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    if key is None:
        await server.close()
    launcher = await _launch(
        tmp_path / "data", str(free_port()), TMDB_API_KEY=STAND_IN_KEY, TMDB_BASE_URL=url
    )
    await _until_said(launcher, said)
    launcher.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(launcher.communicate(), SECONDS)
    await server.close()
    assert launcher.returncode == 0, output.decode()


async def test_an_api_that_is_killed_is_named_with_its_end(tmp_path: Path) -> None:
    launcher = await _launch(tmp_path / "data", str(free_port()))
    await _until_said(launcher, "Sample export")
    (api,) = [
        child
        for child in psutil.Process(launcher.pid).children()
        if "api_service" in child.cmdline()
    ]
    api.kill()
    output, _ = await asyncio.wait_for(launcher.communicate(), SECONDS)
    assert launcher.returncode == 1
    assert "api_service ended by itself, by SIGKILL" in output.decode()
    assert "Traceback" not in output.decode()
