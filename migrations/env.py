"""Runs the revisions over asyncpg, one `alembic upgrade` at a time, each revision a transaction."""

import asyncio
import logging
import sys
import time
from collections.abc import Collection

import asyncpg
from alembic import context
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Connection, pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from migrations.grants import grant_to_services
from shared.database_address import UNUSABLE, check_address, with_primary

MIGRATION_LOCK = 0x50524F4A
"""Advisory lock number ("PROJ"): two `alembic upgrade` at once run one after the other."""
PATIENCE_SECONDS = 60.0
"""For how long a database that does not answer yet is waited for."""
LOCK_TIMEOUT = "5s"
"""For so long a revision waits for a lock, and whoever came after it behind it. Then it is undone
and tried again after a while."""
_LOCK_TRIES = 10
_PAUSE_SECONDS = 1.0
_CONNECT_SECONDS = 10.0
_LOCK_NOT_AVAILABLE = "55P03"

log = logging.getLogger("migrations")


class _DatabaseAddress(BaseSettings):
    model_config = SettingsConfigDict(env_file=".env", extra="ignore", env_ignore_empty=True)

    database_url: SecretStr
    listen_database_url: SecretStr | None = None


def _migrate(connection: Connection) -> None:
    newest = context.script.get_current_head()

    def applied(
        ctx: object,  # noqa: ARG001  # Alembic gives all four by name
        step: object,  # noqa: ARG001  # as above
        heads: Collection[str],
        run_args: object,  # noqa: ARG001  # as above
    ) -> None:
        # In the revision's own transaction, so that no service finds the schema without its rights.
        if newest in heads:
            grant_to_services(connection)

    context.configure(
        connection=connection, transaction_per_migration=True, on_version_apply=applied
    )
    _hold_lock(connection)
    if newest is None or _is_newer(context.get_context().get_current_heads(), newest):
        return
    _upgrade(connection)
    if newest in context.get_context().get_current_heads():
        # For a database that was at the newest revision before there were roles.
        grant_to_services(connection)
        connection.commit()


def _hold_lock(connection: Connection) -> None:
    """Wait until no other `alembic upgrade` runs: by looking, in transactions that end at once.

    Whoever waited in one would be waited for by an index that is built concurrently.
    """
    while not connection.exec_driver_sql(f"select pg_try_advisory_lock({MIGRATION_LOCK})").scalar():
        connection.rollback()
        time.sleep(_PAUSE_SECONDS / 10)
    connection.commit()


def _upgrade(connection: Connection) -> None:
    """Run the revisions; one that met a lock held for long is tried again, for others wait too."""
    for tries_left in reversed(range(_LOCK_TRIES)):
        try:
            with context.begin_transaction():
                context.run_migrations()
        except DBAPIError as error:
            if tries_left == 0 or getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            log.warning("A table is in use, trying again: %s", error.orig)
            connection.rollback()
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _is_newer(there: Collection[str], newest: str) -> bool:
    """Whether an upgrade to the newest revision met one that this release does not know.

    That is what a release finds when it is rolled back to, and it works over it (decision 0015).
    """
    newer = [revision for revision in there if revision > newest]
    if not newer or context.get_revision_argument() != newest:
        return False
    log.info("The schema is at revision %s, newer than this release's %s", newer[0], newest)
    return True


def _address() -> str:
    try:
        settings = _DatabaseAddress()
    except ValidationError:
        sys.exit("DATABASE_URL is not set: it names the database to migrate")
    # The lock lasts as long as a connection, which a transaction-pooling PgBouncer shares out.
    direct = settings.listen_database_url or settings.database_url
    dsn = direct.get_secret_value()
    try:
        check_address(dsn)
    except ValueError as error:
        sys.exit(f"DATABASE_URL {error}")
    # SQLAlchemy refuses addresses with several hosts, so asyncpg reads the address itself.
    return with_primary(dsn)


async def _connect_in_time(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Connect, once the database answers: it may be started at the same time as this."""
    end = time.monotonic() + PATIENCE_SECONDS
    said = None
    while True:
        try:
            return await _connect(dsn)
        except (
            OSError,
            asyncpg.PostgresConnectionError,
            asyncpg.CannotConnectNowError,
            # The role, or its password, may be made at the same time, too.
            asyncpg.InvalidAuthorizationSpecificationError,
            asyncpg.TargetServerAttributeNotMatched,
        ) as error:
            why = str(error) or type(error).__name__
            if time.monotonic() > end:
                sys.exit(f"The database does not answer: {why}")
            if why != said:
                said = why
                log.warning("Waiting for the database: %s", said)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    try:
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS)
    except (ValueError, IndexError, asyncpg.ClientConfigurationError):
        # These repeat what asyncpg stumbled over: a piece of the password, maybe.
        sys.exit(f"DATABASE_URL {UNUSABLE}")
    async with connection.transaction():
        statement = await connection.prepare("select pg_backend_pid()", name="")
        if await statement.fetchval() != connection.get_server_pid():
            sys.exit(
                "A pooler is between here and PostgreSQL: set LISTEN_DATABASE_URL to "
                "PostgreSQL's own address"
            )
    # Not while connecting: a pooler refuses parameters then, and would not be told from a fault.
    await connection.execute(f"set lock_timeout = '{LOCK_TIMEOUT}'")
    return connection


async def _run() -> None:
    connection = await _connect_in_time(_address())

    async def connected() -> "asyncpg.Connection[asyncpg.Record]":
        return connection

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connected, poolclass=pool.NullPool
    )
    async with engine.connect() as migrating:
        await migrating.run_sync(_migrate)
    await engine.dispose()


if context.is_offline_mode():
    sys.exit("Offline mode is not supported: the revisions are plain SQL, read them in versions/.")
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
asyncio.run(_run())
