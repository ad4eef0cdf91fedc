"""Runs the revisions over asyncpg, one `alembic upgrade` at a time, each revision a transaction."""

import asyncio
import logging
import sys
from urllib.parse import parse_qs

import asyncpg
from alembic import context
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

MIGRATION_LOCK = 0x50524F4A
"""Advisory lock number ("PROJ"): two `alembic upgrade` at once run one after the other."""


class _DatabaseAddress(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr
    listen_database_url: SecretStr | None = None


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    connection.exec_driver_sql(f"select pg_advisory_lock({MIGRATION_LOCK})")
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    try:
        address = _DatabaseAddress()
    except ValidationError:
        sys.exit("DATABASE_URL is not set: it names the database to migrate")
    # The lock lasts as long as a connection, which a transaction-pooling PgBouncer shares out.
    direct = address.listen_database_url or address.database_url
    dsn = direct.get_secret_value()
    # SQLAlchemy refuses addresses with several hosts, so asyncpg reads the address itself.
    location, _, options = dsn.partition("://")[2].partition("?")
    hosts = [location.partition("/")[0].rpartition("@")[2], *parse_qs(options).get("host", ())]
    several_hosts = any("," in host for host in hosts)
    if several_hosts and "target_session_attrs" not in dsn:
        dsn += f"{'&' if '?' in dsn else '?'}target_session_attrs=read-write"

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        connection = await asyncpg.connect(dsn)
        async with connection.transaction():
            statement = await connection.prepare("select pg_backend_pid()", name="")
            if await statement.fetchval() != connection.get_server_pid():
                sys.exit(
                    "A pooler is between here and PostgreSQL: set LISTEN_DATABASE_URL to "
                    "PostgreSQL's own address"
                )
        return connection

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, poolclass=pool.NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


if context.is_offline_mode():
    sys.exit("Offline mode is not supported: the revisions are plain SQL, read them in versions/.")
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
asyncio.run(_run())
