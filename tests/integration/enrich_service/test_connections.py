"""The connections to TMDB: how many one daemon has open, and how a fleet shares them."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from aiohttp import web
from pydantic import SecretStr

from enrich_service.scheduling.connection_sharing import ConnectionSharing
from enrich_service.storage.fleet import Heartbeat
from enrich_service.tmdb.client import ConnectionRevokedError, TMDBClient
from enrich_service.tmdb.requests import movie_details
from local_stack.stack import STAND_IN_KEY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import asyncpg

    from enrich_service.storage import StorageService
    from enrich_service.storage.fleet import Neighbours
    from enrich_service.worker import EnrichmentWorker
    from shared.postgres.database import Database
    from tests.integration.enrich_service.conftest import Lists

    Until = Callable[[Callable[[], object]], Awaitable[None]]

FILM = {"id": 603, "title": "A Film", "credits": {"cast": [], "crew": []}}
LEASE = 7.0


class Server:
    """Answers one film when it is let, and counts the connections to it."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.let.set()
        self.asked = 0
        self.runner: web.AppRunner
        self.url = ""

    @property
    def connections(self) -> int:
        assert self.runner.server is not None
        return len(self.runner.server.connections)

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        await self.let.wait()
        return web.json_response(FILM)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_get("/{path:.*}", made.answer)
    made.runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await made.runner.setup()
    await web.TCPSite(made.runner, "127.0.0.1", 0).start()
    host, port = made.runner.addresses[0][:2]
    made.url = f"http://{host}:{port}"
    yield made
    await made.runner.cleanup()


@asynccontextmanager
async def client_of(server: Server, connections: int) -> AsyncIterator[TMDBClient]:
    async with TMDBClient(
        base_url=server.url, api_key=SecretStr(STAND_IN_KEY), connections=connections
    ) as client:
        yield client


async def ask(client: TMDBClient, times: int) -> None:
    await asyncio.gather(*(client.send(movie_details(603)) for _ in range(times)))


# -- one daemon --------------------------------------------------------------------------------


async def test_more_requests_than_connections_wait_for_one(server: Server, until: Until) -> None:
    server.let.clear()
    async with client_of(server, 3) as client:
        asking = asyncio.create_task(ask(client, 10))
        await until(lambda: server.asked == 3)
        assert (client.connections.free, server.connections) == (0, 3)
        server.let.set()
        await asking
        assert server.asked == 10
        assert server.connections == 3


async def test_lower_limit_closes_idle_connections_at_once(server: Server, until: Until) -> None:
    server.let.clear()
    async with client_of(server, 5) as client:
        asking = asyncio.create_task(ask(client, 5))
        await until(lambda: server.asked == 5)
        server.let.set()
        await asking
        assert server.connections == 5
        client.connections.limit = 2
        await until(lambda: server.connections == 2)
        assert client.connections.open == 2


async def test_lower_limit_closes_busy_connections_after_use(server: Server, until: Until) -> None:
    server.let.clear()
    async with client_of(server, 5) as client:
        asking = asyncio.create_task(ask(client, 8))
        await until(lambda: server.asked == 5)
        client.connections.limit = 1
        assert client.connections.open == 5, "nothing under way is cut off"
        server.let.set()
        await asking
        await until(lambda: server.connections == 1)
        assert server.asked == 8


async def test_prepared_connection_is_open_and_nothing_was_sent(
    server: Server, until: Until
) -> None:
    async with client_of(server, 4) as client:
        client.connections.prepare(2)
        assert client.connections.ready == 0
        await until(lambda: client.connections.ready == 2)
        assert (server.connections, server.asked) == (2, 0)
        await ask(client, 1)
        assert (server.connections, server.asked) == (2, 1)


async def test_connection_that_cannot_be_opened_is_left_to_its_request(until: Until) -> None:
    unreachable = Server()
    unreachable.url = "http://127.0.0.1:1"
    async with client_of(unreachable, 1) as client:
        client.connections.prepare(1)
        await until(lambda: client.connections.ready == 1)


async def test_who_stops_waiting_for_a_connection_takes_none(server: Server, until: Until) -> None:
    server.let.clear()
    async with client_of(server, 1) as client:
        first = asyncio.create_task(ask(client, 1))
        await until(lambda: server.asked == 1)
        second = asyncio.create_task(ask(client, 1))
        await asyncio.sleep(0)
        second.cancel()
        server.let.set()
        await first
        await asyncio.wait({second})
        assert client.connections.free == 1


async def test_revoked_connection_is_closed_in_the_middle_of_its_request(
    server: Server, until: Until
) -> None:
    server.let.clear()
    async with client_of(server, 3) as client:
        asking = [asyncio.create_task(ask(client, 1)) for _ in range(4)]
        await until(lambda: server.asked == 3)
        client.connections.revoke()
        await until(lambda: server.connections == 0)
        assert (client.connections.limit, client.connections.free) == (0, 0)
        for cut in asking[:3]:
            with pytest.raises(ConnectionRevokedError):
                await cut
        await until(lambda: client.connections.open == 0)
        server.let.set()
        client.connections.limit = 1
        await asking[3]
        assert (server.asked, server.connections) == (4, 1)


async def test_connection_that_is_revoked_before_its_request_sends_none(server: Server) -> None:
    async with client_of(server, 1) as client:
        async with client.connection() as connection:
            client.connections.revoke()
            with pytest.raises(ConnectionRevokedError):
                await client.send(movie_details(603), connection=connection)
        assert server.asked == 0
        client.connections.limit = 1
        await ask(client, 1)


async def test_connection_that_is_revoked_while_it_is_opened_is_not_left_open(
    server: Server, until: Until
) -> None:
    async with client_of(server, 2) as client:
        client.connections.prepare(2)
        client.connections.revoke()
        await until(lambda: client.connections.open == 0)
        await until(lambda: server.connections == 0)
        assert client.connections.ready == 0


# -- a fleet -----------------------------------------------------------------------------------


async def join(storage: StorageService) -> UUID:
    worker = uuid4()
    await storage.fleet.beat(Heartbeat(worker, "host:1", None, None, 10.0, 0, draining=False))
    return worker


async def share(storage: StorageService, worker: UUID, **options: Any) -> int:  # noqa: ANN401  # of several types
    defaults = {"kept": 0, "wanted": 20, "most": 20, "lease": LEASE, "asks": False}
    return await storage.fleet.share_connections(worker, **(defaults | options))


async def test_who_comes_gets_no_more_than_the_others_left(storage: StorageService) -> None:
    first, second = await join(storage), await join(storage)
    assert await share(storage, first, wanted=16) == 16
    assert await share(storage, second, wanted=10) == 3
    assert await share(storage, first, kept=12, wanted=10) == 12, "two are still in use"
    assert await share(storage, second, kept=3, wanted=10) == 7
    assert await share(storage, first, kept=10, wanted=10) == 10
    assert await share(storage, second, kept=7, wanted=10) == 9


async def test_who_ask_at_once_never_get_too_many_together(storage: StorageService) -> None:
    workers = [await join(storage) for _ in range(6)]
    granted = await asyncio.gather(*(share(storage, worker, wanted=7) for worker in workers))
    assert sum(granted) == 19, "one is kept back"


async def test_silent_worker_keeps_no_connections(
    storage: StorageService, database: Database
) -> None:
    silent, living = await join(storage), await join(storage)
    await share(storage, silent)
    assert await share(storage, living) == 0
    await database.fetchval(
        "update workers set heartbeat_at = clock_timestamp() - interval '8 s' where id = $1", silent
    )
    assert await share(storage, living) == 19


async def test_who_finds_nobody_alive_takes_the_connection_kept_back(
    storage: StorageService, database: Database
) -> None:
    """All were killed, and their rows say for a while that they have all connections."""
    killed = await join(storage)
    assert await share(storage, killed) == 19
    newcomer = await join(storage)
    assert await share(storage, newcomer) == 0, "it may be on its way to give some back"
    await database.fetchval(
        """
        update workers
        set
          started_at = started_at - interval '2 s',
          heartbeat_at = heartbeat_at - interval '3 s'
        """
    )
    assert await share(storage, newcomer) == 1


async def test_only_one_of_several_that_find_nobody_alive_takes_a_connection(
    storage: StorageService, database: Database
) -> None:
    frozen = await join(storage)
    await share(storage, frozen)
    for expected in (1, 0):
        newcomer = await join(storage)
        await database.fetchval(
            """
            update workers
            set
              started_at = started_at - interval '1.5 s',
              heartbeat_at = heartbeat_at - interval '2 s'
            """
        )
        assert await share(storage, newcomer) == expected


async def test_workers_share_evenly_and_who_stays_gets_all(
    make_worker: Callable[..., Awaitable[EnrichmentWorker]],
    lists: Lists,
    database: Database,
    until: Until,
) -> None:
    workers = [await make_worker(heartbeat=0.2, worker_timeout=2.0) for _ in range(3)]

    async def parts() -> list[int]:
        rows = await database.fetch("select connections from workers order by connections")
        return [row["connections"] for row in rows]

    async def are(*expected: int) -> None:
        async def so() -> bool:
            return await parts() == list(expected)

        await until(so)

    await workers[0].start_scheduler()
    await are(19)
    await asyncio.gather(*(worker.start_scheduler() for worker in workers[1:]))
    await are(6, 6, 6)
    await workers[0].stop_scheduler()
    await are(9, 9)
    await workers[1].stop_scheduler()
    await are(19)
    session = await lists.add("tmdb:603")

    async def completed() -> bool:
        return await lists.status(session) == "completed"

    await until(completed)


# -- the lease -----------------------------------------------------------------------------------


def sharing_of(
    storage: StorageService, client: TMDBClient, *, lease: float, worker: UUID | None = None
) -> ConnectionSharing:
    return ConnectionSharing(
        worker or uuid4(),
        storage.fleet,
        client.connections,
        most=20,
        lease=lease,
        wake=lambda: None,
    )


async def beat(storage: StorageService, worker: UUID, lease: float = LEASE) -> Neighbours:
    said = Heartbeat(worker, "host:1", None, None, 10.0, 0, draining=False)
    return await storage.fleet.beat(said, lease)


async def test_requests_do_not_outlive_the_lease_on_their_connections(
    storage: StorageService, server: Server, until: Until
) -> None:
    """With the database away no heartbeat comes, and with TMDB away no answer."""
    server.let.clear()
    async with client_of(server, 20) as client:
        sharing = sharing_of(storage, client, lease=0.5, worker=(worker := uuid4()))
        await sharing.settle(time.monotonic(), await beat(storage, worker))
        asking = [asyncio.create_task(ask(client, 1)) for _ in range(5)]
        await until(lambda: server.asked == 5)
        await until(lambda: server.connections == 0)
        assert sharing.is_empty_handed
        for cut in asking:
            with pytest.raises(ConnectionRevokedError):
                await cut
        await sharing.close()


async def test_answer_to_a_heartbeat_after_the_lease_gives_no_connections_back(
    storage: StorageService, server: Server
) -> None:
    async with client_of(server, 20) as client:
        sharing = sharing_of(storage, client, lease=LEASE, worker=(worker := uuid4()))
        neighbours = await beat(storage, worker)
        await sharing.settle(time.monotonic() - LEASE - 0.1, neighbours)
        assert sharing.is_empty_handed
        await sharing.settle(time.monotonic(), await beat(storage, worker))
        assert client.connections.limit == 19
        await sharing.close()


async def test_share_that_is_stored_after_the_lease_gives_no_connections(
    storage: StorageService,
    server: Server,
    other: asyncpg.Connection[asyncpg.Record],
    somebody_waits: Callable[[], Awaitable[None]],
    until: Until,
) -> None:
    async with client_of(server, 20) as client:
        sharing = sharing_of(storage, client, lease=0.5, worker=(worker := uuid4()))
        ended = asyncio.Event()
        client.connections.on_change = ended.set
        async with other.transaction():
            await other.execute("select from fleet for update")
            settling = asyncio.create_task(
                sharing.settle(time.monotonic(), await beat(storage, worker))
            )
            await somebody_waits()
            ended.clear()
            await until(ended.is_set)
        await settling
        assert sharing.is_empty_handed
        await sharing.close()


async def test_lease_that_ended_by_the_database_alone_revokes_connections_too(
    storage: StorageService, database: Database, server: Server
) -> None:
    """As after a leap of its clock: the others have taken this worker's part by then."""
    other = await join(storage)
    async with client_of(server, 20) as client:
        sharing = sharing_of(storage, client, lease=LEASE, worker=(worker := uuid4()))
        await sharing.settle(time.monotonic(), await beat(storage, worker))
        assert client.connections.limit == 9
        await database.fetchval(
            "update workers set heartbeat_at = clock_timestamp() - interval '8 s' where id = $1",
            worker,
        )
        assert await share(storage, other) == 19
        sharing.due.clear()
        await sharing.settle(time.monotonic(), await beat(storage, worker))
        assert (client.connections.limit, sharing.due.is_set()) == (0, True)
        await sharing.settle(time.monotonic(), await beat(storage, worker))
        assert client.connections.limit == 0
        await sharing.close()


async def test_lost_answer_to_a_lowered_share_revokes_nothing(
    storage: StorageService, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row that is lower by then is no lease that has ended."""
    share_connections = storage.fleet.share_connections

    async def answer_lost(*args: Any, **kwargs: Any) -> int:  # noqa: ANN401  # handed on
        await share_connections(*args, **kwargs)
        raise ConnectionError

    async with client_of(server, 20) as client:
        sharing = sharing_of(storage, client, lease=LEASE, worker=(worker := uuid4()))
        await sharing.settle(time.monotonic(), await beat(storage, worker))
        assert client.connections.limit == 19
        await join(storage)
        monkeypatch.setattr(storage.fleet, "share_connections", answer_lost)
        with pytest.raises(ConnectionError):
            await sharing.settle(time.monotonic(), await beat(storage, worker))
        monkeypatch.undo()
        neighbours = await beat(storage, worker)
        assert neighbours.own_connections == 9
        await sharing.settle(time.monotonic(), neighbours)
        assert client.connections.limit == 9
        await sharing.close()


async def test_worker_that_was_silent_for_its_lease_has_no_connections_by_its_row(
    storage: StorageService, database: Database
) -> None:
    """Others may have taken them, so it must ask anew."""
    worker, other = await join(storage), await join(storage)
    await share(storage, worker)
    await database.fetchval(
        "update workers set heartbeat_at = clock_timestamp() - interval '8 s' where id = $1", worker
    )
    assert await share(storage, other) == 19
    assert (await beat(storage, worker)).own_connections == 0
    assert await share(storage, worker) == 0
    assert (await beat(storage, other)).own_connections == 19
