"""Connections to one PostgreSQL, directly or by way of a pooler; one that nobody named is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import asyncpg
import structlog

from shared.postgres.transactions import ISOLATION, STATED

if TYPE_CHECKING:
    from shared.settings import Settings

CONNECT_SECONDS = 5.0
# What a transaction-pooling PgBouncer refuses to pass on.
_OF_A_DIRECT_CONNECTION = STATED | {
    "default_transaction_isolation": ISOLATION,
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}
_KEPT_STATEMENTS = 100

log = structlog.get_logger(__name__)


class _PoolerFoundError(Exception):
    """Between us and PostgreSQL is a pooler that nobody spoke of."""


class Connector:
    """Opens connections, each as suits what it leads to.

    Args:
        settings: `DATABASE_URL` and, for LISTEN, `LISTEN_DATABASE_URL`.
        application_name: how the connections show in `pg_stat_activity`.
    """

    def __init__(self, settings: Settings, application_name: str) -> None:
        listen = settings.listen_database_url
        self.address = _with_attributes(settings.database_url.get_secret_value())
        self._listen_address = _with_attributes(listen.get_secret_value()) if listen else None
        self._application_name = application_name
        self.pooled = True if listen else None
        """Whether a pooler is between us and PostgreSQL; None while that is not known."""

    async def connect(self, *where: Any, **options: Any) -> asyncpg.Connection[asyncpg.Record]:  # noqa: ANN401  # asyncpg's own
        """Open a connection of the pool, as suits what it leads to.

        A transaction-pooling PgBouncer refuses to pass most settings on, and gives each transaction
        another server connection, so that a statement prepared before may be missing or, worse,
        another's. So the first connection finds out whether one is there, even if nobody said so.
        """
        if not self.pooled:
            try:
                return await self._connect_directly(*where, **options)
            except (asyncpg.ProtocolViolationError, _PoolerFoundError) as error:
                if not self.pooled:  # several may find out at once
                    log.warning("pooler_found", reason=str(error), advice="set LISTEN_DATABASE_URL")
                self.pooled = True
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            *where,
            **options,
            statement_cache_size=0,
            server_settings=self._server_settings(direct=False),
        )
        return connection

    async def connect_listener(self) -> asyncpg.Connection[asyncpg.Record]:
        """Open a connection for LISTEN, outside any pool."""
        direct = self._listen_address is not None or not self.pooled
        return await asyncpg.connect(
            self._listen_address or self.address,
            timeout=CONNECT_SECONDS,
            command_timeout=CONNECT_SECONDS,
            statement_cache_size=_KEPT_STATEMENTS if direct else 0,
            server_settings=self._server_settings(direct=direct),
        )

    async def _connect_directly(
        self,
        *where: Any,  # noqa: ANN401  # asyncpg's own
        **options: Any,  # noqa: ANN401  # asyncpg's own
    ) -> asyncpg.Connection[asyncpg.Record]:
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            *where,
            **options,
            statement_cache_size=_KEPT_STATEMENTS,
            server_settings=self._server_settings(direct=True),
        )
        if self.pooled is None:
            try:
                await _check_who_answers(connection)
            except BaseException:
                connection.terminate()
                raise
            self.pooled = False
        return connection

    def _server_settings(self, *, direct: bool) -> dict[str, str]:
        names = {"application_name": self._application_name, "timezone": "UTC"}
        return names | _OF_A_DIRECT_CONNECTION if direct else names


async def _check_who_answers(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Raise _PoolerFoundError where somebody passes statements on to PostgreSQL."""
    async with connection.transaction():
        # Without a name, lest it stays behind on a server connection that others use.
        statement = await connection.prepare("select pg_backend_pid()", name="")
        answering = await statement.fetchval()
    connected = connection.get_server_pid()
    if answering != connected:
        raise _PoolerFoundError(f"connected to process {connected}, but {answering} answers")


def _with_attributes(dsn: str) -> str:
    """Ask for the primary when the address names several hosts and does not say otherwise."""
    address, _, options = dsn.partition("://")[2].partition("?")
    hosts = [address.partition("/")[0].rpartition("@")[2], *parse_qs(options).get("host", ())]
    several_hosts = any("," in host for host in hosts)
    if not several_hosts or "target_session_attrs" in dsn:
        return dsn
    return f"{dsn}{'&' if '?' in dsn else '?'}target_session_attrs=read-write"
