"""What `make run` starts: from nothing to a sample on its way, and an orderly end by Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import aiohttp

from local_stack.processes import ROOT, free_port

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from pathlib import Path


async def _launch(data: Path, port: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "local_stack", "--data", str(data)),
        cwd=ROOT,
        env={**os.environ, "API_PORT": port},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def _until_said(process: Process, text: str) -> None:
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while text not in (line := (await process.stdout.readline()).decode()):
            assert line, "it ended before it said so"


async def test_the_sample_is_on_its_way_and_ctrl_c_ends_everything(tmp_path: Path) -> None:
    port = str(free_port())
    launcher = await _launch(tmp_path / "data", port)
    await _until_said(launcher, "Sample export")
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        worker = await (await http.get("/worker/status")).json()
    assert worker["worker_status"] == "running"

    launcher.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(launcher.communicate(), 60)

    assert launcher.returncode == 0, output.decode()
    assert b"Stopping" in output
    assert b"Traceback" not in output
    assert not (tmp_path / "data" / "postgres" / "postmaster.pid").exists()


async def test_a_wrong_port_is_named_in_one_line(tmp_path: Path) -> None:
    launcher = await _launch(tmp_path, "many")
    output, _ = await asyncio.wait_for(launcher.communicate(), 60)
    assert (launcher.returncode, output.decode().strip()) == (1, "Wrong settings: API_PORT")


async def test_a_port_in_use_is_named_with_the_way_out(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    launcher = await _launch(tmp_path, str(port))
    output, _ = await asyncio.wait_for(launcher.communicate(), 60)
    server.close()
    await server.wait_closed()
    assert launcher.returncode == 1
    assert f"Port {port} is in use" in output.decode()
