"""What a daemon waits for, no longer than it must: a hold taken away, a hold kept, a connect."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from structlog.testing import capture_logs

from enrich_service.storage.request_limit import RequestLimit
from enrich_service.tmdb import client
from tests.support.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from enrich_service.storage import StorageService
    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.support.session_rows import Lists
    from tests.support.stand_in import RunningStandIn

    MakeWorker = Callable[..., Awaitable[EnrichmentWorker]]

FILMS = ["tmdb:603", "tmdb:348"]
NO_TICK = 3600.0
LONG = 60.0
LOOKS = 20
"""At the window, each after the daemon was woken."""


async def test_hold_taken_away_is_not_waited_for(
    *, make_worker: MakeWorker, lists: Lists, storage: StorageService, database: Database
) -> None:
    await storage.window.hold(NO_TICK)
    session = await lists.add(FILMS[0])
    worker = await make_worker(interval=NO_TICK)
    await worker.start_scheduler()

    async def was_told_to_wait() -> bool:
        return bool(await database.fetchval("select timeline is not null from request_window"))

    await until(was_told_to_wait)
    await database.fetchval("update request_window set hold_until = '-infinity'")

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed)


async def test_hold_met_while_the_database_is_away_is_kept(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    break_tmdb: Callable[..., None],
    database: Database,
    dsn: str,
    postgres_admin: Callable[[str], Awaitable[None]],
) -> None:
    name = dsn.partition("@/")[2].partition("?")[0]
    break_tmdb(
        {"match": "/3/", "kind": "status", "status": 429, "headers": {"Retry-After": "1800"}}
    )
    tmdb.state.change_options(tmdb.state.options.model_copy(update={"latency": 1.0}))
    await lists.add(FILMS[0])
    worker = await make_worker(drain=0.1, heartbeat=0.2, worker_timeout=5.0, timeout_seconds=20.0)
    with capture_logs() as events:
        await worker.start_scheduler()

        async def asked() -> bool:
            return tmdb.state.requests == 1

        await until(asked)
        await postgres_admin(f"alter database {name} allow_connections false")
        await postgres_admin(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'tests-worker'"
        )

        async def could_not_save() -> bool:
            return any(event["event"] == "hold_not_saved" for event in events)

        await until(could_not_save)
        await postgres_admin(f"alter database {name} allow_connections true")

        async def holds() -> bool:
            return bool(
                await database.fetchval(
                    "select hold_until > clock_timestamp() + interval '25 min' from request_window"
                )
            )

        await until(holds)
    assert tmdb.state.requests == 1


async def test_slow_connect_takes_no_slot_before_it_is_done(
    *,
    make_worker: MakeWorker,
    lists: Lists,
    tmdb: RunningStandIn,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name is looked up for longer than a slot would last."""
    loop = asyncio.get_running_loop()
    look_up = loop.getaddrinfo
    asked, answered = asyncio.Event(), asyncio.Event()

    async def once_let(*where: object, **options: object) -> object:
        asked.set()
        await answered.wait()
        return await look_up(*where, **options)  # type: ignore[arg-type]

    async def slots_taken() -> int:
        return int(
            await database.fetchval(
                "select count(*) from request_slots where sent_at > '-infinity'"
            )
        )

    monkeypatch.setattr(loop, "getaddrinfo", once_let)
    monkeypatch.setattr(client, "CONNECT_PATIENCE_SECONDS", LONG)
    by_name = f"http://localhost:{urlsplit(tmdb.url).port}"
    session = await lists.add(*FILMS)
    worker = await make_worker(
        request_limit=RequestLimit(40, 2 * LONG, LONG), base_url=by_name, timeout_seconds=LONG
    )
    await worker.start_scheduler()
    await asked.wait()
    for _ in range(LOOKS):
        await lists.announce(session)
        assert await slots_taken() == 0
    answered.set()

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed)
    assert await slots_taken() == tmdb.state.requests == len(FILMS)
