"""Runs Alembic from a test, to any revision and back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from local_stack.processes import ROOT


async def alembic(dsn: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `alembic` over a database; how it ended and what it said."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "alembic", *arguments],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": dsn},
        capture_output=True,
        text=True,
        check=False,
    )
