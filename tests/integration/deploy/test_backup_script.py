"""deploy/backup.sh: a dump that is not whole replaces none, and the last good ones stay."""

from __future__ import annotations

import asyncio
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from local_stack.postgres import SUPERUSER, binaries
from local_stack.processes import ROOT

if TYPE_CHECKING:
    from local_stack.postgres import EmbeddedPostgres

FAILING = {
    "it says that it failed": '"$real" "$@"; exit 1',
    "it sends nothing": "exit 0",
    "it is cut short": '"$real" "$@" | head --bytes=3000',
    "it is no dump": "echo this is no dump",
    "it is of another database": '"$real" --format=custom postgres',
}
KILOBYTE_BLOCKS = 4
"""A disk that takes so little of each file, for `ulimit -f`."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project's folder, whose backups are of a server at hand."""

    folder: Path
    programs: Path
    env: dict[str, str]

    @property
    def backups(self) -> Path:
        return self.folder / "backups"

    def names(self) -> list[str]:
        """The backups that are there, and whatever else lies beside them."""
        return sorted(path.name for path in self.backups.iterdir() if not path.is_symlink())

    async def back_up(self, before: str = "", **env: str) -> tuple[int, str]:
        """Run the script after something else in its shell; its exit status and what it said."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", f"{before}\nexec deploy/backup.sh server"),
            cwd=self.folder,
            env=self.env | env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()

    def replace_pg_dump(self, how: str) -> None:
        """From here on another program is found under the name of pg_dump."""
        real = shutil.which("pg_dump", path=self.env["PATH"])
        file = self.programs / "pg_dump"
        file.write_text(f"#!/bin/bash\nreal={real}\n{how}\n", "utf-8")
        file.chmod(0o700)


@pytest.fixture
def project(dsn: str, postgres: EmbeddedPostgres, tmp_path: Path) -> Project:
    """A folder with the script in it, beside an empty database of the newest schema."""
    (host,) = parse_qs(urlsplit(postgres.dsn()).query)["host"]
    folder, programs = tmp_path / "project", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    (folder / "deploy").symlink_to(ROOT / "deploy")
    tools = Path(named) if (named := os.environ.get("PG_BIN")) else binaries()
    env = {
        "PATH": f"{programs}:{tools}:{os.environ['PATH']}",
        "PGHOST": host,
        "PGUSER": SUPERUSER,
        "PGDATABASE": urlsplit(dsn).path.removeprefix("/"),
    }
    return Project(folder, programs, env)


async def test_a_backup_is_for_its_owner_alone_and_latest_leads_to_it(project: Project) -> None:
    status, said = await project.back_up()
    assert status == 0, said
    (name,) = project.names()
    assert name in said
    assert (project.backups / "latest.dump").resolve().name == name
    assert (project.backups / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("how", FAILING.values(), ids=FAILING)
async def test_a_dump_that_is_not_whole_leaves_the_last_good_one(
    project: Project, how: str
) -> None:
    assert (await project.back_up())[0] == 0
    before = project.names()
    content = (project.backups / "latest.dump").read_bytes()
    project.replace_pg_dump(how)
    status, said = await project.back_up()
    assert status != 0, said
    assert project.names() == before, "neither another one nor a part of one"
    assert (project.backups / "latest.dump").read_bytes() == content


async def test_a_disk_that_runs_full_leaves_the_last_good_one(project: Project) -> None:
    assert (await project.back_up())[0] == 0
    before = project.names()
    status, said = await project.back_up(f"ulimit -f {KILOBYTE_BLOCKS}")
    assert status != 0, said
    assert project.names() == before


async def test_a_database_that_is_not_there_leaves_the_last_good_one(project: Project) -> None:
    assert (await project.back_up())[0] == 0
    before = project.names()
    status, _ = await project.back_up(PGDATABASE="nothing_of_the_kind")
    assert status != 0
    assert project.names() == before


async def test_the_newest_are_kept_and_nothing_else_is_touched(project: Project) -> None:
    project.backups.mkdir()
    old = [f"projectionist-2026010{day}T000000Z-1.dump" for day in range(1, 6)]
    for name in (*old, "notes.txt"):
        (project.backups / name).write_text(name, "utf-8")
    status, said = await project.back_up(BACKUP_KEEP="3")
    assert status == 0, said
    newest = (project.backups / "latest.dump").resolve().name
    assert project.names() == sorted([*old[-2:], newest, "notes.txt"])


async def test_keeping_none_is_refused_before_anything_is_done(project: Project) -> None:
    status, said = await project.back_up(BACKUP_KEEP="0")
    assert (status, "BACKUP_KEEP" in said) == (64, True)
    assert not project.backups.exists()
