"""The schema's way up and down, and a service that waits for it."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from local_stack.postgres import SUPERUSER
from local_stack.processes import ROOT, Program, free_port, migrate
from local_stack.stack import STAND_IN_KEY
from shared.postgres.database import SCHEMA_REVISION
from tests.support.databases import alembic, execute
from tests.support.tcp_proxy import Cut, dsn_through, proxy_to_database
from tests.support.waiting import PATIENCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres

NAME = "migrations_under_test"
SHAPE = """
    select table_name, column_name, data_type, column_default, is_nullable, is_generated
    from information_schema.columns
    where table_schema = 'public'
    union all
    select tablename, indexname, indexdef, null, null, null from pg_indexes
    where schemaname = 'public'
    union all
    select conrelid::regclass::text, conname, pg_get_constraintdef(oid), null, null, null
    from pg_constraint
    where connamespace = 'public'::regnamespace
    union all
    select relname, 'options', reloptions::text, null, null, null from pg_class
    where relnamespace = 'public'::regnamespace and reloptions is not null
    union all
    select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), null, null, null
    from pg_trigger where not tgisinternal
    order by 1, 2, 3
"""


@pytest.fixture
async def empty(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database with nothing in it."""
    admin = await asyncpg.connect(postgres.dsn())
    await admin.execute(f"create database {NAME} template template0")
    yield postgres.dsn(NAME)
    await admin.execute(f"drop database {NAME} with (force)")
    await admin.close()


async def shape(dsn: str) -> list[tuple[object, ...]]:
    """Everything that the migrations make, but for their own table."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(SHAPE)
    finally:
        await connection.close()
    return [tuple(row) for row in rows if row[0] != "alembic_version"]


async def fetchval(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_up_down_and_up_again_ends_in_the_same_schema(empty: str) -> None:
    assert (await alembic(empty, "upgrade", "head")).returncode == 0
    first = await shape(empty)
    assert {"sessions", "movies", "lookups", "catalogue", "request_window"} <= {
        row[0] for row in first
    }
    down = await alembic(empty, "downgrade", "base")
    assert down.returncode == 0, down.stderr
    assert await shape(empty) == []
    functions = "select count(*) from pg_proc where pronamespace = 'public'::regnamespace"
    assert await fetchval(empty, functions) == 0
    assert (await alembic(empty, "upgrade", "head")).returncode == 0
    assert await shape(empty) == first


async def test_the_newest_answers_are_indexed_in_a_database_of_the_first_revision(
    empty: str,
) -> None:
    assert (await alembic(empty, "upgrade", "0001")).returncode == 0
    connection = await asyncpg.connect(empty)
    await connection.execute(
        """
        insert into lookups (key, outcome, answered_at, due_at, turn)
        select
          'title:' || n,
          case when n % 2 = 0 then 'failed' end,
          case when n % 2 = 0 then clock_timestamp() end,
          case when n % 2 = 1 then clock_timestamp() end,
          case when n % 2 = 1 then n end
        from generate_series(1, 1000) as n
        """
    )
    before = await connection.fetch("select * from lookups order by id")
    first = await shape(empty)
    upgraded = await alembic(empty, "upgrade", "0002")
    assert upgraded.returncode == 0, upgraded.stderr
    assert await connection.fetch("select * from lookups order by id") == before
    added = {row[1] for row in await shape(empty)} - {row[1] for row in first}
    assert added == {"lookups_answered"}
    entries = "select reltuples from pg_class where relname = 'lookups_answered'"
    assert await connection.fetchval(entries) == 500, "what waits is not in it"
    await connection.close()
    assert (await alembic(empty, "downgrade", "0001")).returncode == 0
    assert await shape(empty) == first
    assert await fetchval(empty, "select count(*) from lookups") == 1000


async def test_confidences_of_the_old_scale_are_brought_to_the_new_one_once(empty: str) -> None:
    assert (await alembic(empty, "upgrade", "0017")).returncode == 0
    connection = await asyncpg.connect(empty)
    await connection.execute(
        """
        insert into catalogue (
          tmdb_id, title, original_title, genres, directors, top_cast, countries, languages,
          vote_count, popularity
        )
        values (603, 'The Matrix', 'The Matrix', '{}', '[]', '[]', '{}', '{}', 0, 0);
        insert into lookups (key, outcome, tmdb_id, answered_at, reason, confidence)
        select 'title:' || n, 'found', 603, clock_timestamp(), told.reason, told.confidence
        from
          generate_series(1, 3000) as n
          join (
            values
              (0, 'exact title, a year apart', 87),
              (1, 'exact title, a year apart', 96),
              (2, 'same title, same year', 98),
              (3, 'slip title, same year', 82),
              (4, 'exact title, same year', 100)
          ) as told (rest, reason, confidence) on told.rest = n % 5
        """
    )
    upgraded = await alembic(empty, "upgrade", "0018")
    assert upgraded.returncode == 0, upgraded.stderr
    told = await connection.fetch(
        "select confidence, count(*) from lookups group by confidence order by 1"
    )
    await connection.close()
    assert [tuple(row) for row in told] == [(82, 600), (96, 600), (98, 600), (99, 600), (100, 600)]


async def test_two_upgrades_at_once_run_one_after_the_other(empty: str) -> None:
    results = await asyncio.gather(*(alembic(empty, "upgrade", "head") for _ in range(2)))
    assert [result.returncode for result in results] == [0, 0], results
    assert await fetchval(empty, "select array_agg(version_num) from alembic_version") == [
        SCHEMA_REVISION
    ]
    assert await fetchval(empty, "select count(*) from request_window") == 1


async def test_an_upgrade_waits_for_a_database_that_is_not_there_yet(empty: str) -> None:
    async with proxy_to_database(empty) as line:
        line.cut(Cut.RESET)
        upgrade = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "alembic", "upgrade", "head"),
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": dsn_through(line, empty)},
            stderr=asyncio.subprocess.PIPE,
        )
        assert upgrade.stderr is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert b"Waiting for the database" in await upgrade.stderr.readline()
            line.restore()
            said = await upgrade.stderr.read()
    assert (await upgrade.wait(), b"Traceback" in said) == (0, False)
    assert await fetchval(empty, "select version_num from alembic_version") == SCHEMA_REVISION


async def test_an_upgrade_waits_for_the_role_that_it_is_to_run_as(
    empty: str, postgres: EmbeddedPostgres
) -> None:
    """With compose the roles are made at the same time."""
    role = "projectionist_to_come"
    upgrade = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "alembic", "upgrade", "head"),
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": empty.replace(f"//{SUPERUSER}@", f"//{role}@", 1)},
        stderr=asyncio.subprocess.PIPE,
    )
    assert upgrade.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert b"Waiting for the database" in await upgrade.stderr.readline()
            await execute(postgres.dsn(), f"create role {role} superuser login")
            said = await upgrade.stderr.read()
        assert (await upgrade.wait(), b"Traceback" in said) == (0, False)
        assert await fetchval(empty, "select version_num from alembic_version") == SCHEMA_REVISION
    finally:
        await execute(empty, f"drop owned by {role} cascade; drop role {role}")


async def test_upgrading_what_is_up_to_date_changes_nothing(empty: str) -> None:
    await migrate(empty)
    before = await shape(empty)
    await migrate(empty)
    assert await shape(empty) == before


async def test_a_release_that_is_rolled_back_to_leaves_a_newer_schema_alone(empty: str) -> None:
    await migrate(empty)
    before = await shape(empty)
    await execute(empty, "update alembic_version set version_num = '9999'")
    upgraded = await alembic(empty, "upgrade", "head")
    assert upgraded.returncode == 0, upgraded.stderr
    assert f"at revision 9999, newer than this release's {SCHEMA_REVISION}" in upgraded.stderr
    assert (await alembic(empty, "downgrade", "base")).returncode != 0
    assert await fetchval(empty, "select version_num from alembic_version") == "9999"
    assert await shape(empty) == before


def test_the_services_ask_for_the_newest_revision() -> None:
    script = ScriptDirectory.from_config(Config(ROOT / "alembic.ini"))
    assert script.get_heads() == [SCHEMA_REVISION]
    # The services compare them as texts.
    numbers = [revision.revision for revision in script.walk_revisions()]
    assert numbers == sorted((f"{number + 1:04}" for number in range(len(numbers))), reverse=True)


async def test_every_row_that_there_is_one_of_is_there_once_and_only_once(dsn: str) -> None:
    for table in ("request_window", "fleet", "orphan_sweep"):
        assert await fetchval(dsn, f"select count(*) from {table}") == 1  # noqa: S608  # named above
        connection = await asyncpg.connect(dsn)
        with pytest.raises((asyncpg.UniqueViolationError, asyncpg.CheckViolationError)):
            await connection.execute(f"insert into {table} select * from {table}")  # noqa: S608  # named above
        await connection.close()


async def test_sql_scripts_are_not_pretended_to(empty: str) -> None:
    result = await alembic(empty, "upgrade", "head", "--sql")
    assert result.returncode != 0
    assert "Offline mode is not supported" in result.stderr


@pytest.mark.parametrize("service", ["api_service", "enrich_service"])
async def test_a_service_before_its_schema_waits_unready_and_says_why(
    empty: str, tmp_path: Path, service: str
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program = Program(
        service,
        env={
            "DATABASE_URL": empty,
            "TMDB_API_KEY": STAND_IN_KEY,
            "TMDB_BASE_URL": "http://127.0.0.1:1",
            "WORKER_PORT": str(port),
            "API_PORT": str(port),
        },
        ready=f"{url}/readyz",
        log=tmp_path / "log",
    )
    async with aiohttp.ClientSession() as session:
        await program.start(wait=False)
        async with asyncio.timeout(PATIENCE_SECONDS):
            said = await _unready_reason(session, url)
        assert "alembic upgrade head" in said
        assert (await session.get(f"{url}/livez")).status == 200
        await migrate(empty)
        await program.wait_until_ready()
        assert (await session.get(f"{url}/readyz")).status == 200
    assert await program.stop() == 0


async def _unready_reason(session: aiohttp.ClientSession, url: str) -> str:
    while True:
        try:
            response = await session.get(f"{url}/readyz")
        except aiohttp.ClientError:
            await asyncio.sleep(0.02)
        else:
            assert response.status == 503
            return str((await response.json())["reason"])
