"""The step of compose.yaml that makes the roles: of a new database, and of one that is at work."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from local_stack.postgres import SUPERUSER, binaries
from local_stack.processes import ROOT, migrate
from migrations.grants import API, DAEMON, OWNER
from tests.conftest import run_on
from tests.support.driving import create_database, plain_films, running
from tests.support.roles import SharedDatabase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.postgres import EmbeddedPostgres

SCRIPT = ROOT / "deploy" / "postgres" / "set_up_roles.sh"
PASSWORDS = {
    OWNER: ("OWNER_PASSWORD", "of the owner's own"),
    API: ("API_PASSWORD", "of the API's own"),
    DAEMON: ("DAEMON_PASSWORD", "of the daemon's own"),
}
OWNERS = """
    select distinct pg_get_userbyid(relowner)
    from pg_class
    where relnamespace = 'public'::regnamespace
    union
    select pg_get_userbyid(proowner) from pg_proc where pronamespace = 'public'::regnamespace
    union
    select pg_get_userbyid(datdba) from pg_database where datname = current_database()
"""


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[SharedDatabase]:
    """An empty database of a superuser's; afterwards no role has a password."""
    made = SharedDatabase(await create_database(postgres))
    yield made
    await run_on(postgres.dsn(), f"drop database {made.name} with (force)")
    for role in PASSWORDS:
        await run_on(postgres.dsn(), f"alter role {role} password null")


async def set_up_roles(database: SharedDatabase, **changed: str) -> tuple[int, str]:
    """Run the step as compose.yaml does; its exit status and what it said."""
    (host,) = parse_qs(urlsplit(database.superuser).query)["host"]
    tools = Path(named) if (named := os.environ.get("PG_BIN")) else binaries()
    env = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PGHOST": host,
        "PGUSER": SUPERUSER,
        "PGDATABASE": database.name,
        # All that it sends to the server is in the server's log.
        "PGOPTIONS": "-c lock_timeout=5s -c log_statement=all",
        **dict(PASSWORDS.values()),
        **changed,
    }
    process = await asyncio.create_subprocess_exec(
        *("sh", str(SCRIPT)),
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,  # a container has no terminal to ask at
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def lets_in(database: SharedDatabase, role: str, password: str) -> bool:
    """Whether PostgreSQL's own record of a role's password is of this one (RFC 5802)."""
    connection = await asyncpg.connect(database.superuser)
    try:
        stored = await connection.fetchval(
            "select rolpassword from pg_authid where rolname = $1", role
        )
    finally:
        await connection.close()
    how, given, keys = stored.split("$")
    rounds, salt = given.split(":")
    assert how == "SCRAM-SHA-256"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(rounds))
    client = hmac.digest(salted, b"Client Key", "sha256")
    return bool(base64.b64decode(keys.split(":")[0]) == hashlib.sha256(client).digest())


async def test_a_new_database_gets_roles_whose_passwords_no_log_has(
    database: SharedDatabase, postgres: EmbeddedPostgres
) -> None:
    status, said = await set_up_roles(database)
    assert status == 0, said
    for role, (_, password) in PASSWORDS.items():
        assert await lets_in(database, role, password)
        assert not await lets_in(database, role, "another")
        assert password not in said
    log = postgres.log_file.read_text("utf-8", errors="replace")
    assert "role" in log
    assert [password for _, password in PASSWORDS.values() if password in log] == []


async def test_a_changed_password_is_the_roles_with_the_next_start(
    database: SharedDatabase,
) -> None:
    assert (await set_up_roles(database))[0] == 0
    assert (await set_up_roles(database, API_PASSWORD="a new one"))[0] == 0
    assert await lets_in(database, API, "a new one")
    assert await lets_in(database, DAEMON, PASSWORDS[DAEMON][1])


async def test_a_missing_password_changes_nothing(database: SharedDatabase) -> None:
    status, said = await set_up_roles(database, DAEMON_PASSWORD="")
    assert status != 0
    assert "DAEMON_PASSWORD" in said
    owner = await fetch_owners(database)
    assert OWNER not in owner


async def test_a_database_of_the_superuser_alone_goes_on_by_the_roles(
    database: SharedDatabase, tmp_path: Path
) -> None:
    """An upgrade: what the superuser's services have stored is there for the roles' services."""
    await migrate(database.superuser)
    (tmp_path / "before").mkdir()
    films = plain_films(20)
    async with running(database.superuser, tmp_path / "before") as driver:
        before = await driver.upload(films[:10])
        await driver.completed(before)
        # While these services are at work, as with `docker compose up`.
        status, said = await set_up_roles(database)
        assert status == 0, said
        assert await fetch_owners(database) == {OWNER}
        await migrate(database.owner)
        await driver.completed(await driver.upload(films[5:15]))
        movies = found(await driver.movies(before))
        sessions = driver.sessions
    (tmp_path / "after").mkdir()
    async with running(
        database.superuser, tmp_path / "after", api_dsn=database.api, daemon_dsn=database.daemon
    ) as driver:
        driver.sessions |= sessions
        assert found(await driver.movies(before)) == movies
        await driver.completed(await driver.upload(films[12:]))
        await driver.audit()


def found(movies: list[dict[str, Any]]) -> list[tuple[object, object]]:
    """Which film each movie is; its poster's address has the port of the stand-in."""
    return [(movie["title"], movie["tmdb_id"]) for movie in movies]


async def fetch_owners(database: SharedDatabase) -> set[str]:
    """Who owns what is in the database, and the database."""
    connection = await asyncpg.connect(database.superuser)
    try:
        return {owner for (owner,) in await connection.fetch(OWNERS)}
    finally:
        await connection.close()
