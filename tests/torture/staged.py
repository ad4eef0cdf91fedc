"""Connections of the services, and their pauses, that wait for their turns on a stage."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import asyncpg

from shared.postgres.database import Database
from tests.torture.stage import ACTOR, Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

    from shared.postgres.database import Connection
    from shared.settings import Settings
    from tests.torture.stage import Actor, Stage

T = TypeVar("T")

LABEL = 70
"""Letters of a statement that a trace shows."""
_PAUSE = "(pause)"
_ENDS = ("commit", "rollback")


@dataclass(slots=True)
class StagedConnection:
    """A connection whose statements wait for their actor's turn; nobody else's do."""

    stage: Stage
    real: Connection

    async def execute(self, query: str, *args: object) -> str:
        return await self._run(query, lambda: self.real.execute(query, *args))

    async def executemany(self, query: str, args: Any) -> None:  # noqa: ANN401  # asyncpg's own
        await self._run(query, lambda: self.real.executemany(query, args))

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        return await self._run(query, lambda: self.real.fetch(query, *args))

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        return await self._run(query, lambda: self.real.fetchrow(query, *args))

    async def fetchval(self, query: str, *args: object) -> Any:  # noqa: ANN401  # any SQL type
        return await self._run(query, lambda: self.real.fetchval(query, *args))

    async def copy_to_table(self, table: str, *, source: Path, **options: Any) -> str:  # noqa: ANN401  # asyncpg's own
        return await self._run(
            f"copy {table}",
            lambda: self.real.copy_to_table(table, source=source, **options),
        )

    async def copy_from_query(self, query: str, *, output: Path) -> str:
        return await self._run(query, lambda: self.real.copy_from_query(query, output=output))

    def is_closed(self) -> bool:
        return self.real.is_closed()

    def terminate(self) -> None:
        self.real.terminate()

    async def _run(self, query: str, run: Callable[[], Awaitable[T]]) -> T:
        actor = ACTOR.get()
        if actor is None:
            return await run()
        await self.stage.turn(actor, label_of(query))
        if actor.is_killed:
            self.real.terminate()
        if actor.fault is Fault.LOST:
            await self._lose(actor)
        actor.pid = self.real.get_server_pid()
        actor.began = self.stage.count()
        if query.startswith("begin"):
            actor.is_open = True
        elif "lock_timeout" in query:
            # None is set: the machine chooses when the patience is over.
            actor.is_patient = True
            return cast("T", "SET")
        try:
            result = await run()
        except asyncpg.QueryCanceledError:
            if actor.ends_with is None:
                raise
            error, actor.ends_with = actor.ends_with, None
            raise error from None
        finally:
            actor.is_blocked = False
            if query in _ENDS:
                actor.is_open = actor.is_patient = False
        if actor.fault is Fault.UNANSWERED:
            await self._lose(actor)
        return result

    async def _lose(self, actor: Actor) -> None:
        actor.fault = None
        actor.is_open = actor.is_patient = False
        pid = self.real.get_server_pid()
        self.real.terminate()
        await self.stage.end_backend(pid)
        raise asyncpg.ConnectionDoesNotExistError("connection was closed")


def label_of(query: str) -> str:
    """Return the beginning of a statement, in one line."""
    return re.sub(r"\s+", " ", query).strip()[:LABEL]


class StagedDatabase(Database):
    """A database whose connections are on a stage.

    Args:
        settings: with its address.
        stage: the stage.
    """

    def __init__(self, settings: Settings, stage: Stage) -> None:
        super().__init__(settings, application_name="torture", max_size=60)
        self._stage = stage
        self._timeless: set[int] = set()

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[Connection]:
        async with super()._borrowed() as connection:
            if connection.get_server_pid() not in self._timeless:
                await connection.execute(
                    "set idle_in_transaction_session_timeout to 0;"
                    "set deadlock_timeout to '10min';"
                    "set statement_timeout to 0"
                )
                self._timeless.add(connection.get_server_pid())
            yield cast("Connection", StagedConnection(self._stage, connection))


@contextmanager
def pauses_are_turns(stage: Stage) -> Iterator[None]:
    """Let whoever on the stage would sleep wait for a turn instead."""
    real = asyncio.sleep

    async def sleep(delay: float, result: Any = None) -> Any:  # noqa: ANN401  # as asyncio's own
        actor = ACTOR.get()
        if actor is None:
            return await real(delay, result)
        await stage.turn(actor, _PAUSE)
        return result

    asyncio.sleep = sleep
    try:
        yield
    finally:
        asyncio.sleep = real
