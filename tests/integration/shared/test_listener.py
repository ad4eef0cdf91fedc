"""Wake-ups that come back after every loss, and an `on_connect` for what was missed meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from shared.postgres.listener import Listener

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    import asyncpg
    import pytest

    from shared.postgres.database import Database

    Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[None]]
    CutOff = Callable[[], AbstractAsyncContextManager[None]]

LISTENERS = """
select pid
from pg_stat_activity
where datname = current_database() and application_name = 'tests' and query like 'LISTEN %'
"""


@dataclass
class Heard:
    """A listener at work, and what it heard."""

    listener: Listener
    payloads: list[tuple[str, str]] = field(default_factory=list)
    connects: int = 0


@asynccontextmanager
async def listening(database: Database, *channels: str) -> AsyncIterator[Heard]:
    def note(channel: str) -> Callable[[str], None]:
        return lambda payload: heard.payloads.append((channel, payload))

    def connected() -> None:
        heard.connects += 1

    heard = Heard(Listener(database, {name: note(name) for name in channels}, on_connect=connected))
    task = asyncio.create_task(heard.listener.run())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), "it never ends by itself"
        assert not heard.listener.connected


async def connects(heard: Heard, times: int, until: Until) -> None:
    async def done() -> bool:
        return heard.connects >= times

    await until(done)


async def test_each_notification_reaches_the_function_of_its_channel(
    database: Database, other: asyncpg.Connection[asyncpg.Record], until: Until
) -> None:
    async with listening(database, "new_work", "fleet_control") as heard:
        await connects(heard, 1, until)
        assert heard.listener.connected
        assert heard.listener.reconnects == 0
        await other.execute("select pg_notify('new_work', 'one'), pg_notify('new_work', 'two')")
        await other.execute("select pg_notify('fleet_control', ''), pg_notify('unheard', 'x')")

        async def all_heard() -> bool:
            return len(heard.payloads) == 3

        await until(all_heard)
    assert heard.payloads == [("new_work", "one"), ("new_work", "two"), ("fleet_control", "")]


async def test_it_says_that_it_is_connected_only_after_a_round_trip(
    database: Database, other: asyncpg.Connection[asyncpg.Record], until: Until
) -> None:
    """Whoever is told to look at everything must not miss what comes a moment later."""
    async with listening(database, "new_work") as heard:
        await connects(heard, 1, until)
        await other.execute("select pg_notify('new_work', 'at once')")

        async def all_heard() -> bool:
            return heard.payloads == [("new_work", "at once")]

        await until(all_heard)


async def test_after_its_connection_was_ended_it_is_back_and_says_so(
    database: Database, other: asyncpg.Connection[asyncpg.Record], until: Until
) -> None:
    with capture_logs() as events:
        async with listening(database, "new_work") as heard:
            await connects(heard, 1, until)
            assert database.lost_at is None
            for times in (2, 3):
                (row,) = await other.fetch(LISTENERS)
                await other.execute("select pg_terminate_backend($1)", row["pid"])
                await connects(heard, times, until)
            assert heard.listener.reconnects == 2
            assert database.lost_at is not None, "an idle pool may not have noticed"
            await other.execute("select pg_notify('new_work', 'still here')")

            async def all_heard() -> bool:
                return heard.payloads == [("new_work", "still here")]

            await until(all_heard)
    names = [event["event"] for event in events]
    assert names.count("listener_lost") == 2
    assert names.count("listener_connected") == 3


async def test_while_the_database_is_away_it_tries_on(
    database: Database, cut_off: CutOff, until: Until
) -> None:
    with capture_logs() as events:
        async with listening(database, "new_work") as heard:
            await connects(heard, 1, until)
            async with cut_off():

                async def refused_twice() -> bool:
                    names = [event["event"] for event in events]
                    return names.count("listener_connect_failed") >= 2

                await until(refused_twice)
                assert not heard.listener.connected
            await connects(heard, 2, until)
            assert heard.listener.connected


async def test_it_starts_before_its_database(
    database: Database, cut_off: CutOff, until: Until
) -> None:
    with capture_logs() as events:
        async with cut_off(), listening(database, "new_work") as heard:

            async def refused() -> bool:
                return "listener_connect_failed" in [event["event"] for event in events]

            await until(refused)
            assert (heard.connects, heard.listener.reconnects) == (0, -1)


async def test_a_connection_that_swallows_notifications_is_found_out(
    database: Database,
    other: asyncpg.Connection[asyncpg.Record],
    until: Until,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As behind a pooler: what was listened to is forgotten; the next proof shows it."""
    monkeypatch.setattr("shared.postgres.listener.PROOF_SECONDS", 0.05)
    monkeypatch.setattr("shared.postgres.listener.ANSWER_SECONDS", 0.3)
    connections: list[asyncpg.Connection[asyncpg.Record]] = []
    connect = database.connect_listener

    async def remembered() -> asyncpg.Connection[asyncpg.Record]:
        connections.append(await connect())
        return connections[-1]

    monkeypatch.setattr(database, "connect_listener", remembered)
    with capture_logs() as events:
        async with listening(database, "new_work") as heard:
            await connects(heard, 1, until)

            async def deaf() -> bool:
                """Between two proofs, so that the statement is not in another's way."""
                try:
                    await connections[0].execute("unlisten *")
                except Exception:  # noqa: BLE001  # it is proving at this moment
                    return False
                return True

            await until(deaf)
            await connects(heard, 2, until)
            await other.execute("select pg_notify('new_work', 'heard again')")

            async def all_heard() -> bool:
                return heard.payloads == [("new_work", "heard again")]

            await until(all_heard)
    lost = [event["error"] for event in events if event["event"] == "listener_lost"]
    assert any("TimeoutError" in error for error in lost)
