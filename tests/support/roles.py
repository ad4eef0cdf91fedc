"""A database with the three roles of deploy/postgres/roles.sql, as its administrator makes it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local_stack.postgres import SUPERUSER, binaries
from local_stack.processes import ROOT, migrate
from local_stack.servers import run_tool
from migrations.grants import API, DAEMON, OWNER
from tests.support.driving import create_database

if TYPE_CHECKING:
    from local_stack.postgres import EmbeddedPostgres

ROLES_SQL = ROOT / "deploy" / "postgres" / "roles.sql"


@dataclass(frozen=True, slots=True)
class SharedDatabase:
    """One database, and its address by each role's name."""

    superuser: str

    @property
    def name(self) -> str:
        """What it is called on its server."""
        return urlsplit(self.superuser).path.removeprefix("/")

    def by(self, role: str) -> str:
        """Its address for a role."""
        return self.superuser.replace(f"//{SUPERUSER}@", f"//{role}@", 1)

    @property
    def owner(self) -> str:
        """Its address for who migrates."""
        return self.by(OWNER)

    @property
    def api(self) -> str:
        """Its address for the API."""
        return self.by(API)

    @property
    def daemon(self) -> str:
        """Its address for the daemon."""
        return self.by(DAEMON)


def make_roles(dsn: str) -> None:
    """Run roles.sql as an administrator does, with psql."""
    programs = Path(named) if (named := os.environ.get("PG_BIN")) else binaries()
    # As an argument, because psql runs as an account that may not be let to our files.
    command = [str(programs / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    result = run_tool([*command, f"--command={ROLES_SQL.read_text('utf-8')}", dsn])
    assert result.returncode == 0, result.stderr


async def create_shared_database(server: EmbeddedPostgres) -> SharedDatabase:
    """A database whose roles are made and whose schema its owner role has migrated."""
    made = SharedDatabase(await create_database(server))
    make_roles(made.superuser)
    await migrate(made.owner)
    return made
