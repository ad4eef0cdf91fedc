"""The manual's backup restores: every list as it was at that moment, and work goes on from there.

All commands of the manual that run PostgreSQL's tools are run here, in its order, with the tools of
the server's own version. In place of a container the server at hand is asked.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from local_stack.postgres import SUPERUSER, binaries
from local_stack.processes import ROOT, migrate
from migrations.grants import API, DAEMON, OWNER
from tests.conftest import run_on
from tests.end_to_end.test_upgrades import FIRST, FIRST_ROWS, SESSION
from tests.manual.pages import BACKUP as SCRIPT
from tests.manual.pages import Command, all_commands
from tests.support.driving import plain_films, running
from tests.support.migrating import alembic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.postgres import EmbeddedPostgres
    from tests.support.driving import Driver

NAME = "projectionist"
"""The database and its user, as the manual calls them."""
IN_A_CONTAINER = "docker compose "
STOP, START = f"{IN_A_CONTAINER}stop api enrich", f"{IN_A_CONTAINER}up --detach"
BACKUP = "Back up and restore"
NEW_PASSWORD = "as secret as the last one"
AGED = "update workers set heartbeat_at = heartbeat_at - interval '1 minute'"
"""Makes a dump that was taken just now as old as dumps are."""
WITH_PASSWORD = "select rolname from pg_authid where rolpassword is not null order by rolname"
CONTAINER = """\
#!/bin/sh
# What is run in the container of the database is run here.
[ "$1 $2" = "compose exec" ] || exit 64
shift 2
[ "$1" = -T ] && shift
[ "$1" = db ] || exit 64
shift
exec "$@"
"""


def is_of_compose(command: Command) -> bool:
    """Whether a command is for the server in a container."""
    return command.text.startswith(IN_A_CONTAINER) or command.text == SCRIPT


EVERY = [command for _, command in all_commands() if command.is_of_database]
COMPOSE = [
    command
    for block, command in all_commands()
    if is_of_compose(command) and (block.heading == BACKUP or command.is_of_database)
]
OWN = [command for command in EVERY if not is_of_compose(command)]


@dataclass(frozen=True, slots=True)
class Shell:
    """An administrator's shell, in the project's folder, beside a server."""

    folder: Path
    env: dict[str, str]

    async def run(self, command: Command) -> None:
        """Run a command as the manual has it; what asks for a new password is told one."""
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", command.text),
            cwd=self.folder,
            env=self.env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # a question goes to standard input where there is no terminal
        )
        said, _ = await process.communicate(f"{NEW_PASSWORD}\n{NEW_PASSWORD}\n".encode())
        assert process.returncode == 0, f"{command.where}: {command.text}\n{said.decode()}"


@pytest.fixture
async def server(postgres: EmbeddedPostgres) -> AsyncIterator[EmbeddedPostgres]:
    """A server without anything of the manual's name on it, before and after."""
    yield postgres
    for name in (NAME, f"{NAME}_before"):
        await run_on(postgres.dsn(), f"drop database if exists {name} with (force)")
    await run_on(postgres.dsn(), f"drop role if exists {NAME}")
    for (role,) in await fetch(postgres.dsn(), WITH_PASSWORD):
        await run_on(postgres.dsn(), f"alter role {role} password null")


@pytest.fixture
def shell(server: EmbeddedPostgres, tmp_path: Path) -> Shell:
    """A shell that finds the server, its tools and the project's files."""
    (host,) = parse_qs(urlsplit(server.dsn()).query)["host"]
    folder, programs = tmp_path / "project", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    (folder / "deploy").symlink_to(ROOT / "deploy")
    docker = programs / "docker"
    docker.write_text(CONTAINER, "utf-8")
    docker.chmod(0o700)
    tools = Path(named) if (named := os.environ.get("PG_BIN")) else binaries()
    path = f"{programs}:{tools}:{os.environ['PATH']}"
    return Shell(folder, {**os.environ, "PATH": path, "PGHOST": host, "PGUSER": SUPERUSER})


async def fetch(dsn: str, query: str) -> list[tuple[object, ...]]:
    """Rows from a database, over a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


def by(role: str, server: EmbeddedPostgres) -> str:
    """The address of the manual's database, for a role."""
    return server.dsn(NAME).replace(f"//{SUPERUSER}@", f"//{role}@", 1)


async def stop(driver: Driver) -> None:
    """`docker compose stop api enrich`."""
    await driver.stack.api.stop()
    for worker in driver.stack.workers:
        await worker.stop()


async def start(driver: Driver) -> None:
    """`docker compose up`: first the schema, then the services."""
    await migrate(driver.stack.dsn)
    for program in (driver.stack.api, *driver.stack.workers):
        await program.start()


def test_there_are_commands_for_a_server_in_a_container_and_for_one_of_ones_own() -> None:
    of_compose = [command for command in COMPOSE if command.is_of_database]
    assert {*of_compose, *OWN} == set(EVERY)
    for story in (of_compose, OWN):
        assert {SCRIPT, "pg_restore"} <= {name for one in story for name in one.programs}
    texts = [command.text for command in COMPOSE]
    assert (texts.count(STOP), texts.count(START)) == (1, 1)


@pytest.mark.long
async def test_lists_are_as_they_were_and_those_under_way_are_finished(
    server: EmbeddedPostgres, template: str, shell: Shell, tmp_path: Path
) -> None:
    """One user for all, as with compose; the dump is taken while films come in."""
    await run_on(server.dsn(), f"create role {NAME} superuser login")
    await run_on(server.dsn(), f"create database {NAME} owner {NAME} template {template}")
    films = plain_films(150)
    async with running(by(NAME, server), tmp_path) as driver:
        done = await driver.upload(films[:30])
        await driver.completed(done)
        before = await driver.movies(done)
        await driver.set_latency(0.3)
        under_way = await driver.upload(films[20:120])
        await driver.ended(under_way, 15)
        await driver.set_latency(1.0)
        for command in COMPOSE:
            if command.text == STOP:
                await driver.set_latency(0.0)
                await stop(driver)
            elif command.text == START:
                assert await driver.claims() > 0, "of a daemon that is gone"
                await driver.fetch(AGED)
                await start(driver)
            else:
                await shell.run(command)
            if SCRIPT in command.programs:
                assert await driver.claims() > 0, "it was taken under load"
                await driver.call("DELETE", f"/api/session/{done}")
                lost = await driver.upload(films[120:])
        driver.sessions.remove(lost)
        status = await driver.completed(under_way)
        assert (status["enriched_count"], status["total_movies"]) == (100, 100)
        assert await driver.movies(done) == before
        answer = await driver.call("GET", f"/api/session/{lost}")
        assert answer.status == 404
        await driver.audit()
        assert await fetch(server.dsn(), WITH_PASSWORD) == [(NAME,)]


@pytest.mark.long
async def test_a_backup_of_the_first_release_serves_the_newest_with_a_role_for_each(
    server: EmbeddedPostgres, shell: Shell, tmp_path: Path
) -> None:
    """A server of one's own: roles made, dumped at the first schema, restored, upgraded."""
    for command in OWN:
        if SCRIPT in command.programs:
            done = await alembic(by(OWNER, server), "upgrade", FIRST)
            assert done.returncode == 0, done.stderr
            await run_on(by(OWNER, server), FIRST_ROWS.read_text("utf-8"))
        await shell.run(command)
    await migrate(by(OWNER, server))

    async with running(
        by(OWNER, server), tmp_path, api_dsn=by(API, server), daemon_dsn=by(DAEMON, server)
    ) as driver:
        driver.sessions.add(SESSION)
        status = await driver.completed(SESSION)
        assert (status["enriched_count"], status["not_found_count"]) == (3, 1)
        await driver.completed(await driver.upload(plain_films(20)))
        await driver.audit()
        roles = [(role,) for role in sorted((OWNER, API, DAEMON))]
        assert await fetch(server.dsn(), WITH_PASSWORD) == roles
