"""Wake-ups: one connection for LISTEN that proves itself, reconnects for ever and never exits."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import asyncpg
import structlog

from shared.errors import ProjectionistError
from shared.postgres.database import LOST_CONNECTION

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shared.postgres.database import Database

PROOF_SECONDS = 30.0
ANSWER_SECONDS = 5.0
SWALLOWED = (
    "notifications do not arrive; LISTEN_DATABASE_URL must lead to PostgreSQL itself, "
    "not to a transaction-pooling PgBouncer"
)
_FIRST_BACKOFF_SECONDS = 0.1
_LONGEST_BACKOFF_SECONDS = 5.0

log = structlog.get_logger(__name__)


class Listener:
    """Calls a function for each notification, whatever happens to the connection.

    NOTIFY is a hint and can be lost while no connection is there, so `on_connect` is called after
    each connect: whoever listens then looks at everything.

    Args:
        database: opens the connection.
        channels: what to call with the payload, by channel name; must not block.
        on_connect: called after each successful connect.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Callable[[str], None]],
        *,
        on_connect: Callable[[], None],
    ) -> None:
        self._database = database
        self._channels = dict(channels)
        self._on_connect = on_connect
        self.connected = False
        self.reconnects = -1
        """How often the connection was made anew; -1 before the first."""

    async def run(self) -> None:
        """Listen until cancelled."""
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            try:
                connection = await self._database.connect_listener()
            except (asyncpg.PostgresError, *LOST_CONNECTION) as error:
                log.warning("listener_connect_failed", error=f"{type(error).__name__}: {error}")
            else:
                reconnects = self.reconnects
                await self._serve(connection)
                if self.reconnects > reconnects:
                    backoff = _FIRST_BACKOFF_SECONDS
            # Jitter keeps a fleet from coming back in one rush.
            await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311  # no secret
            backoff = min(backoff * 2, _LONGEST_BACKOFF_SECONDS)

    async def _serve(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        try:
            await self._listen_and_prove(connection)
        except (asyncpg.PostgresError, ProjectionistError, *LOST_CONNECTION) as error:
            log.warning("listener_lost", error=f"{type(error).__name__}: {error}")
            self._note_loss()
        else:
            self._note_loss()
        finally:
            self.connected = False
            with contextlib.suppress(asyncpg.PostgresError, *LOST_CONNECTION):
                connection.terminate()

    def _note_loss(self) -> None:
        # The pool replaces idle connections that were cut without a word, so nobody else may
        # notice. One that never worked, behind a pooler that swallows LISTEN, is no loss.
        if self.connected:
            self._database.lost_at = time.monotonic()

    async def _listen_and_prove(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        ended = asyncio.Event()
        proved = asyncio.Event()
        proof_channel = f"proof_{uuid4().hex}"

        def deliver(_: object, __: int, channel: str, payload: object) -> None:
            self._channels[channel](str(payload))

        def prove(*_: Any) -> None:  # noqa: ANN401  # asyncpg's callback
            proved.set()

        connection.add_termination_listener(lambda _: ended.set())
        await connection.add_listener(proof_channel, prove)
        for channel in self._channels:
            await connection.add_listener(channel, deliver)
        while not ended.is_set():
            # A half-open connection, or a pooler that swallows LISTEN, fails this round trip. The
            # pool sends, as everybody else does: the answer to a statement of this connection
            # brings its own notifications along even through such a pooler.
            proved.clear()
            await self._database.fetchval("select pg_notify($1, '')", proof_channel)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await proved.wait()
            except TimeoutError:
                raise TimeoutError(SWALLOWED) from None
            if not self.connected:
                self.connected = True
                self.reconnects += 1
                log.info("listener_connected", reconnects=self.reconnects)
                self._on_connect()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PROOF_SECONDS):
                    await ended.wait()
        log.warning("listener_lost", error="the server ended the connection")
