"""Transactions that survive what may pass, and errors that say what does not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

import asyncpg
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from shared.errors import DatabaseUnavailableError, SchemaOutdatedError
from shared.postgres.database import SCHEMA_REVISION, CollisionError, Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from shared.postgres.database import Connection
    from shared.settings import Settings

    CutOff = Callable[[], AbstractAsyncContextManager[None]]


@pytest.fixture
async def notes(other: asyncpg.Connection[asyncpg.Record]) -> None:
    """A table for the transactions of these tests."""
    await other.execute("create table notes (id integer primary key, text text not null)")
    await other.execute("insert into notes values (1, 'one'), (2, 'two')")


@pytest.mark.usefixtures("notes")
async def test_two_transactions_that_lock_each_other_out_both_succeed(database: Database) -> None:
    """A real deadlock: each holds a row and waits for the other's; PostgreSQL ends one."""
    both_hold_one = asyncio.Barrier(2)
    tries = {1: 0, 2: 0}

    async def change(first: int, second: int) -> None:
        async def work(connection: Connection) -> None:
            tries[first] += 1
            for number in (first, second):
                await connection.execute(
                    "update notes set text = text || $2::text where id = $1", number, str(first)
                )
                if number == first and tries[first] == 1:
                    await both_hold_one.wait()

        await database.transact(work)

    with capture_logs() as events:
        await asyncio.gather(change(1, 2), change(2, 1))
    assert sorted(tries.values()) == [1, 2]
    assert "transaction_collided" in [event["event"] for event in events]
    texts = await database.fetch("select text from notes order by id")
    assert all(sorted(row["text"][3:]) == ["1", "2"] for row in texts), "each was done once"


@pytest.mark.usefixtures("notes")
async def test_a_transaction_that_asks_for_it_is_run_again_and_leaves_no_trace_of_the_first(
    database: Database,
) -> None:
    tries = 0

    async def work(connection: Connection) -> int:
        nonlocal tries
        tries += 1
        await connection.execute("insert into notes values ($1, 'new')", 10 + tries)
        if tries < 3:
            raise CollisionError("met somebody else's")
        return tries

    assert await database.transact(work) == 3
    ids = await database.fetchval("select array_agg(id order by id) from notes")
    assert ids == [1, 2, 13]


async def test_a_transaction_that_always_collides_gives_up(database: Database) -> None:
    tries = 0

    async def work(_: Connection) -> None:
        nonlocal tries
        tries += 1
        raise CollisionError("met somebody else's")

    with pytest.raises(DatabaseUnavailableError):
        await database.transact(work)
    assert tries == 4


@pytest.mark.usefixtures("notes")
async def test_a_connection_lost_in_the_middle_is_replaced_and_the_work_done_once(
    database: Database, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    pids: list[int] = []

    async def work(connection: Connection) -> None:
        pids.append(await connection.fetchval("select pg_backend_pid()"))
        await connection.execute("insert into notes values (3, 'three')")
        if len(pids) == 1:
            await other.execute("select pg_terminate_backend($1)", pids[0])
        await connection.execute("insert into notes values (4, 'four')")

    await database.transact(work)
    assert len(set(pids)) == 2
    assert await database.fetchval("select count(*) from notes") == 4
    assert database.lost_at is not None


async def test_idle_connections_that_were_cut_do_no_harm(
    database: Database, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    await asyncio.gather(*(database.fetchval("select pg_sleep(0.05)") for _ in range(5)))
    await other.execute(
        """
        select pg_terminate_backend(pid)
        from pg_stat_activity
        where datname = current_database() and application_name = 'tests'
        """
    )
    assert await asyncio.gather(*(database.fetchval("select 1") for _ in range(5))) == [1] * 5


async def test_a_database_that_is_away_is_unavailable_and_comes_back(
    database: Database, cut_off: CutOff
) -> None:
    assert await database.fetchval("select 1") == 1
    async with cut_off():
        for call in (
            lambda: database.fetchval("select 1"),
            lambda: database.transact(lambda connection: connection.fetchval("select 1")),
            database.check_schema,
        ):
            with pytest.raises(DatabaseUnavailableError) as caught:
                await call()
            assert (caught.value.code, caught.value.status) == ("database_unavailable", 503)
            assert caught.value.retry_after is not None
    assert await database.fetchval("select 1") == 1


@pytest.mark.usefixtures("notes")
async def test_a_row_that_somebody_holds_for_long_is_no_lost_database(
    database: Database, other: asyncpg.Connection[asyncpg.Record]
) -> None:
    async def work(connection: Connection) -> None:
        await connection.execute("set local lock_timeout = '50ms'")
        await connection.execute("select 1 from notes where id = 1 for update")

    async with other.transaction():
        await other.execute("select 1 from notes where id = 1 for update")
        with pytest.raises(asyncpg.LockNotAvailableError):
            await database.transact(work)
    assert database.lost_at is None


async def test_a_service_starts_without_its_database(settings: Settings) -> None:
    nowhere = settings.model_copy(
        update={"database_url": SecretStr("postgresql://postgres@/x?host=/nowhere")}
    )
    async with Database(nowhere, application_name="early") as database:
        with pytest.raises(DatabaseUnavailableError):
            await database.fetchval("select 1")


async def test_a_database_that_is_not_there_yet_is_unavailable(
    settings: Settings, dsn: str
) -> None:
    missing = settings.model_copy(
        update={"database_url": SecretStr(dsn.replace("/test_", "/no_such_test_"))}
    )
    async with Database(missing, application_name="early") as database:
        with pytest.raises(DatabaseUnavailableError, match="does not exist"):
            await database.fetchval("select 1")


@pytest.mark.parametrize("statement", ["select * from nowhere", "select nothing from sessions"])
async def test_a_missing_table_or_column_is_an_outdated_schema(
    database: Database, statement: str
) -> None:
    with pytest.raises(SchemaOutdatedError, match="alembic upgrade head") as caught:
        await database.fetch(statement)
    assert (caught.value.code, caught.value.status) == ("schema_outdated", 503)


async def test_the_right_schema_is_recognised(database: Database) -> None:
    await database.check_schema()


async def test_a_newer_schema_will_do(database: Database) -> None:
    newer = f"{int(SCHEMA_REVISION) + 1:04}"
    await database.fetchval(f"update alembic_version set version_num = '{newer}'")  # noqa: S608  # ours
    await database.check_schema()


async def test_an_empty_table_of_versions_is_no_schema(database: Database) -> None:
    await database.fetchval("delete from alembic_version")
    with pytest.raises(SchemaOutdatedError, match="alembic upgrade head"):
        await database.check_schema()


async def test_an_older_schema_is_named(database: Database) -> None:
    await database.fetchval("update alembic_version set version_num = '0000'")
    with pytest.raises(SchemaOutdatedError, match=f"0000, this service needs {SCHEMA_REVISION}"):
        await database.check_schema()


@pytest.mark.usefixtures("notes")
async def test_a_mistake_is_neither_retried_nor_hidden(database: Database) -> None:
    tries = 0

    async def work(connection: Connection) -> None:
        nonlocal tries
        tries += 1
        await connection.execute("insert into notes values (3, null)")

    with pytest.raises(asyncpg.NotNullViolationError):
        await database.transact(work)
    assert tries == 1


async def test_outside_its_context_it_says_so(settings: Settings) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Database(settings, application_name="closed").fetchval("select 1")


async def test_connections_name_their_service_and_speak_utc(database: Database) -> None:
    row = await database.fetchrow(
        "select current_setting('application_name'), current_setting('timezone')"
    )
    assert row is not None
    assert tuple(row) == ("tests", "UTC")


async def test_statements_are_not_compiled(database: Database) -> None:
    """They are short; compiling one takes longer than running it a hundred times."""
    assert await database.fetchval("select current_setting('jit')") == "off"


async def test_behind_a_pooler_no_statement_is_kept_prepared(settings: Settings, dsn: str) -> None:
    """A transaction-pooling PgBouncer gives each transaction another server connection."""
    pooled = settings.model_copy(update={"listen_database_url": SecretStr(dsn)})
    kept = []
    for variant in (settings, pooled):
        async with Database(variant, application_name="pooled", max_size=1) as database:
            await database.fetchval("select 1 + $1::integer", 1)
            kept.append(
                await database.fetchval(
                    "select count(*) from pg_prepared_statements where statement like '%$1::int%'"
                )
            )
    assert kept[0] >= 1
    assert kept[1] == 0


@pytest.mark.parametrize(
    ("address", "several"),
    [
        ("postgresql://postgres@/{name}?host={host}", False),
        ("postgresql://postgres@/{name}?host={host},{host}", True),
        ("postgresql://postgres@{quoted},{quoted}/{name}", True),
        ("postgresql://{quoted},{quoted}/{name}?user=postgres", True),
        ("postgresql://postgres@/{name}?host={host},{host}&target_session_attrs=any", False),
    ],
)
async def test_several_hosts_mean_the_one_that_can_be_written_to(
    settings: Settings, dsn: str, address: str, *, several: bool
) -> None:
    name, _, host = dsn.partition("@/")[2].partition("?host=")
    filled = address.format(name=name, host=host, quoted=quote(host, safe=""))
    changed = settings.model_copy(update={"database_url": SecretStr(filled)})
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"alter database {name} set default_transaction_read_only = on")
    await connection.close()
    async with Database(changed, application_name="several") as database:
        if several:
            with pytest.raises(DatabaseUnavailableError, match="TargetServerAttribute"):
                await database.fetchval("select 1")
        else:
            assert await database.fetchval("select 1") == 1
