"""Databases of the tests' server: creating, migrating and changing them."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import asyncpg

from local_stack.processes import ROOT

if TYPE_CHECKING:
    from local_stack.postgres import EmbeddedPostgres

_numbers = itertools.count(1)


async def create_database(server: EmbeddedPostgres, *, template: str = "template1") -> str:
    """Create a database with the template's schema; return its DSN."""
    name = f"driven_{next(_numbers)}"
    connection = await asyncpg.connect(server.dsn())
    try:
        await connection.execute(f"create database {name} template {template} strategy file_copy")
    finally:
        await connection.close()
    return server.dsn(name)


async def execute(dsn: str, statement: str) -> None:
    """Run one statement outside any transaction, over a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


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
