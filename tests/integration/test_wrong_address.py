"""A DATABASE_URL that cannot be read: every program says so at once, and shows no password."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from local_stack.processes import ROOT, free_port
from local_stack.stack import STAND_IN_KEY

SECRET = "s3cretpw"


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
async def test_it_is_named_and_no_piece_of_it_shown(program: tuple[str, ...], address: str) -> None:
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", *program],
        cwd=ROOT,
        env={
            **os.environ,
            "DATABASE_URL": address,
            "TMDB_API_KEY": STAND_IN_KEY,
            "API_PORT": str(free_port()),
            "WORKER_PORT": str(free_port()),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    said = result.stdout + result.stderr
    assert result.returncode == 1, said
    assert "DATABASE_URL" in said
    assert SECRET not in said
    assert "Traceback" not in said
