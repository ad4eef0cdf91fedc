"""Settings that no program can work with: it says so at once, in words, and shows no password."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from local_stack.processes import ROOT, free_port
from local_stack.stack import STAND_IN_KEY

SECRET = "s3cretpw"


async def run(*program: str, **env: str) -> str:
    """Run a program that must fail; what it said."""
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", *program],
        cwd=ROOT,
        env={
            **os.environ,
            "TMDB_API_KEY": STAND_IN_KEY,
            "API_PORT": str(free_port()),
            "WORKER_PORT": str(free_port()),
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    said = result.stdout + result.stderr
    assert result.returncode == 1, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    "program",
    [("api_service",), ("enrich_service",), ("alembic", "upgrade", "head")],
    ids=lambda program: program[0],
)
@pytest.mark.parametrize(
    "address",
    [
        f"postgresql://u:{SECRET}#1@127.0.0.1:1/x",
        f"postgresql://u:1@{SECRET}@127.0.0.1:1/x",
        f"postgresql://u:{SECRET}/1@127.0.0.1:1/x",
        f"postgresql://u:{SECRET}@h:abc/db",
        f"postgresql://[::1/x?password={SECRET}",
        f"postgresql://u@,/x?password={SECRET}",
        f"postgresql://u:{SECRET}@h/db?sslmode=bogus",
        f"postgresql://u:{SECRET}@h/db?target_session_attrs=zz",
    ],
)
async def test_an_address_that_cannot_be_read_is_named_and_no_piece_of_it_shown(
    program: tuple[str, ...], address: str
) -> None:
    said = await run(*program, DATABASE_URL=address)
    assert "DATABASE_URL" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("program", "setting"), [("api_service", "API_PORT"), ("enrich_service", "WORKER_PORT")]
)
async def test_a_port_that_another_listens_on_is_named_with_its_setting(
    program: str, setting: str
) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    said = await run(program, DATABASE_URL="postgresql:///x", **{setting: str(port)})
    server.close()
    await server.wait_closed()
    assert f"Cannot listen on 127.0.0.1:{port}" in said
    assert f"set {setting}" in said
    (line,) = [line for line in said.splitlines() if not line.startswith("{")]
    assert line.endswith(
        f"the port is in use. End what listens there, or set {setting} to another port."
    )


@pytest.mark.parametrize(
    ("program", "name"), [("api_service", "API"), ("enrich_service", "WORKER")]
)
async def test_address_of_another_machine_is_named_with_its_settings(
    program: str, name: str
) -> None:
    said = await run(program, DATABASE_URL="postgresql:///x", **{f"{name}_HOST": "192.0.2.1"})
    assert "Cannot listen on 192.0.2.1:" in said
    assert f"Set {name}_HOST or {name}_PORT" in said
