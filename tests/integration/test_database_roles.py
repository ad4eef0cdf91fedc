"""The roles of the database: each may do what its service's SQL does, and nothing beyond it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
import pytest

from local_stack.processes import migrate
from migrations.grants import API, DAEMON, OWNER
from tests.conftest import run_on
from tests.support.driving import create_database
from tests.support.roles import SharedDatabase, create_shared_database, make_roles
from tests.support.service_sql import needs_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from local_stack.postgres import EmbeddedPostgres
    from tests.support.service_sql import Needs

SERVICES = {API: "api_service", DAEMON: "enrich_service"}
VERBS = ("select", "insert", "update", "delete")
GRANTED = """
    select
      relname as "table",
      verb,
      has_table_privilege($1, pg_class.oid, verb) as whole,
      array(
        select attname::text
        from pg_attribute
        where attrelid = pg_class.oid
          and attnum > 0
          and not attisdropped
          and verb <> 'delete'
          and has_column_privilege($1, pg_class.oid, attnum, replace(verb, 'delete', 'select'))
      ) as columns
    from pg_class, unnest($2::text[]) as verb
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
"""
OWNERS = """
    select distinct pg_get_userbyid(relowner)
    from pg_class
    where relnamespace = 'public'::regnamespace
    union
    select pg_get_userbyid(proowner) from pg_proc where pronamespace = 'public'::regnamespace
"""
FORBIDDEN = {
    API: (
        "drop table movies",
        "alter table movies add column spare integer",
        "create table spare ()",
        "create function spare() returns void language sql as ''",
        "truncate sessions cascade",
        "insert into catalogue (tmdb_id) values (1)",
        "update catalogue set title = 'Mine'",
        "delete from catalogue",
        "select from titles",
        "insert into titles (name) values ('Mine')",
        "update lookups set claimed_by = gen_random_uuid(), claim_token = gen_random_uuid()",
        "update lookups set kept = true",
        "insert into lookups (key, outcome, tmdb_id) values ('tmdb:1', 'found', 1)",
        "insert into virtual_times (turn) values (1)",
        "update request_window set hold_until = 'infinity'",
        "update fleet set tmdb_state = 'up'",
        "delete from workers",
        "delete from session_counts",
        "update upload_reports set report = '{}'",
        "update shares set expires_at = null",
        "update alembic_version set version_num = '0000'",
        "set role projectionist_owner",
        "set role projectionist_daemon",
    ),
    DAEMON: (
        "drop table movies",
        "alter table movies add column spare integer",
        "create table spare ()",
        "create temporary table spare ()",
        "truncate sessions cascade",
        "insert into sessions (id) values (gen_random_uuid())",
        "update sessions set read_at = clock_timestamp()",
        "insert into session_counts (session_id, total) values (gen_random_uuid(), 0)",
        "update session_counts set session_id = gen_random_uuid()",
        "delete from session_counts",
        "insert into movies (title) values ('Mine')",
        "update movies set title = 'Mine'",
        "update movies set rating = 5",
        "delete from movies",
        "select report from upload_reports",
        "delete from upload_reports",
        "select from shares",
        "select from idempotency_keys",
        "delete from idempotency_keys",
        "update virtual_times set turn = 0",
        "delete from fleet",
        "delete from request_window",
        "select analyze_lookups()",
        "update alembic_version set version_num = '0000'",
        "set role projectionist_owner",
        "set role projectionist_api",
    ),
}


OF_TRIGGERS = {("sessions", "update"): {"completed_at"}}
"""Columns that a trigger writes, by the rights of whoever set it off."""


@pytest.fixture(scope="module")
async def shared(postgres: EmbeddedPostgres) -> AsyncIterator[SharedDatabase]:
    """A database with the three roles, migrated by its owner."""
    made = await create_shared_database(postgres)
    yield made
    await run_on(postgres.dsn(), f"drop database {made.name} with (force)")


@dataclass(frozen=True, slots=True)
class Granted:
    """What a role may do to a table in one way: to all of it, or to these columns."""

    whole: bool
    columns: frozenset[str]

    def __bool__(self) -> bool:
        return self.whole or bool(self.columns)


async def granted(dsn: str, role: str) -> dict[tuple[str, str], Granted]:
    """What PostgreSQL says that a role may do, by table and verb."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(GRANTED, role, list(VERBS))
    await connection.close()
    return {
        (row["table"], row["verb"]): Granted(row["whole"], frozenset(row["columns"]))
        for row in rows
    }


def wanted(needs: Needs | None, verb: str) -> tuple[bool, set[str]]:
    """Whether a service's SQL does this to a table, and to which columns."""
    if needs is None:
        return False, set()
    columns = {"insert": needs.insert, "update": needs.update}.get(verb, set())
    # PostgreSQL asks for an update of some column from whoever locks a row.
    said = {
        "select": needs.select,
        "delete": needs.delete,
        "update": bool(columns) or needs.lock,
    }
    return said.get(verb, bool(columns)), columns


@pytest.mark.parametrize("role", SERVICES)
async def test_a_role_may_do_what_its_services_sql_does_and_nothing_else(
    shared: SharedDatabase, role: str
) -> None:
    there = await granted(shared.superuser, role)
    needs = needs_of(SERVICES[role], {table for table, _ in there})
    assert len(needs) > 8, "the code was not read"
    for (table, verb), given in there.items():
        needed, columns = wanted(needs.get(table), verb)
        assert bool(given) == needed, f"{role}: {verb} on {table}, needed: {needed}"
        assert columns <= given.columns, f"{role}: {verb} on {table}"
        if columns and not given.whole:
            by_trigger = OF_TRIGGERS.get((table, verb), set())
            assert columns | by_trigger == given.columns, f"{role}: {verb} on {table}"
        if needs.get(table) and needs[table].lock:
            assert there[table, "update"], f"{role}: a row's lock takes update on {table}"


@pytest.mark.parametrize(
    ("role", "statement"),
    [(role, statement) for role, statements in FORBIDDEN.items() for statement in statements],
)
async def test_what_is_not_a_services_work_is_refused(
    shared: SharedDatabase, role: str, statement: str
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run_on(shared.by(role), statement)


async def test_nobody_else_comes_in(shared: SharedDatabase) -> None:
    await run_on(shared.superuser, "create role passer_by login")
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied"):
            await asyncpg.connect(shared.by("passer_by"))
    finally:
        await run_on(shared.superuser, "drop role passer_by")


async def test_a_large_upload_reaches_the_planner_though_the_api_does_not_own_the_queue(
    shared: SharedDatabase,
) -> None:
    connection = await asyncpg.connect(shared.superuser)
    analysed = "select analyze_count from pg_stat_user_tables where relname = 'lookups'"
    before = await connection.fetchval(analysed)
    await run_on(shared.api, "select analyze_lookups()")
    await run_on(shared.superuser, "select pg_stat_force_next_flush()")
    assert await connection.fetchval(analysed) == before + 1
    await connection.close()


async def test_roles_come_to_a_database_that_was_at_work_without_them(
    postgres: EmbeddedPostgres,
) -> None:
    made = SharedDatabase(await create_database(postgres))
    await migrate(made.superuser)
    assert await owners(made.superuser) == {"postgres"}
    make_roles(made.superuser)
    make_roles(made.superuser)
    assert await owners(made.superuser) == {OWNER}
    for dsn in (made.api, made.daemon):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await run_on(dsn, "select from sessions")
    await migrate(made.owner)
    for dsn in (made.api, made.daemon):
        await run_on(dsn, "select from sessions")
    await run_on(postgres.dsn(), f"drop database {made.name} with (force)")


async def test_an_administrator_who_is_no_superuser_can_make_the_roles(
    postgres: EmbeddedPostgres,
) -> None:
    made = SharedDatabase(await create_database(postgres))
    await run_on(made.superuser, "create role administrator login createrole createdb")
    # Roles are the server's: what others made there is lent, so that this one finds its own way.
    await run_on(made.superuser, f"alter database {made.name} owner to administrator")
    for role in (OWNER, API, DAEMON):
        await run_on(made.superuser, f"grant {role} to administrator with admin option")
    await migrate(made.by("administrator"))
    make_roles(made.by("administrator"))
    await migrate(made.owner)
    assert await owners(made.superuser) == {OWNER}
    await run_on(made.daemon, "select from sessions")
    await run_on(postgres.dsn(), f"drop database {made.name} with (force)")
    await run_on(postgres.dsn(), "drop role administrator")


async def test_a_second_user_takes_over_while_a_password_is_changed(
    shared: SharedDatabase,
) -> None:
    await run_on(shared.superuser, f"create role {API}_2 login in role {API}")
    await run_on(shared.by(f"{API}_2"), "create temporary table spare (); select from movies")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await run_on(shared.by(f"{API}_2"), "delete from catalogue")
    await run_on(shared.superuser, f"drop role {API}_2")


async def test_a_right_that_is_needed_no_more_goes_with_the_next_migration(
    shared: SharedDatabase,
) -> None:
    await run_on(shared.owner, f"grant update on catalogue to {API}")
    await migrate(shared.owner)
    there = await granted(shared.superuser, API)
    assert not there["catalogue", "update"]


async def owners(dsn: str) -> set[str]:
    """Who owns what stands in the schema."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(OWNERS)
    await connection.close()
    return {row[0] for row in rows}
