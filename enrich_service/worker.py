"""The enrichment worker: one daemon's loops, from its first heartbeat to its deregistration."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from enrich_service.metrics import Metrics
from enrich_service.options import WorkerOptions
from enrich_service.scheduling.circuit_breaker import CircuitBreaker
from enrich_service.scheduling.completion_saver import CompletionSaver
from enrich_service.scheduling.connection_sharing import ConnectionSharing
from enrich_service.scheduling.dispatcher import Dispatcher
from enrich_service.scheduling.export_loader import ExportLoader
from enrich_service.scheduling.heartbeat import HeartbeatLoop
from enrich_service.scheduling.lookup_task import LookupTask
from enrich_service.scheduling.maintenance import Maintenance
from enrich_service.scheduling.reclaimer import Reclaimer
from enrich_service.scheduling.request_cost import RequestCostEstimator
from enrich_service.scheduling.slot_gate import SlotGate
from enrich_service.status import WorkerStatus
from enrich_service.storage.fleet import Heartbeat
from enrich_service.storage.statement_errors import STATEMENT_FAILED
from enrich_service.title_index.index import TitleIndex
from shared.models import Channel
from shared.postgres.listener import Listener
from shared.tracing.spans import Tracing

if TYPE_CHECKING:
    from collections.abc import Collection, Coroutine
    from uuid import UUID

    from enrich_service.storage import StorageService
    from enrich_service.tmdb.client import TMDBClient

END_SECONDS = 0.5
DEREGISTER_SECONDS = 2.0
DRAIN_SHARE = 0.8
"""Of the drain time; what is left is for giving back and signing off."""

LATE_TICK_SECONDS = 0.1
"""How long a late tick keeps being reported as late."""

log = structlog.get_logger(__name__)


class EnrichmentWorker:
    """Looks films up on TMDB for every session that waits, together with all other workers.

    Args:
        tmdb_client: entered by the caller.
        storage: over a database entered by the caller.
        options: how it behaves; the defaults are the project's.
        metrics: where it counts; by itself it counts for nobody.
        tracing: where its spans go; by itself nowhere.
    """

    def __init__(
        self,
        tmdb_client: TMDBClient,
        storage: StorageService,
        options: WorkerOptions | None = None,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        self.worker_id = uuid4()
        self._storage = storage
        self._options = options or WorkerOptions()
        metrics = metrics or Metrics()
        self._wake = asyncio.Event()
        self._gate = SlotGate(self._wake, metrics.observe_wait)
        self._saver = CompletionSaver(storage.completions, metrics, self._wake)
        self._request_costs = RequestCostEstimator()
        self._index = TitleIndex(storage, self._options, metrics.observe_guess)
        self._export_loader = ExportLoader(
            self.worker_id,
            storage,
            self._options.export_url,
            self._options.refresh_days,
            metrics.observe_export,
        )
        self._breaker = CircuitBreaker(
            self.worker_id, tmdb_client, storage, self._options, self._gate.acquire
        )
        self._sharing = ConnectionSharing(
            self.worker_id,
            storage.fleet,
            tmdb_client.connections,
            most=self._options.connections,
            lease=self._options.lease,
            wake=self._wake.set,
        )
        self._dispatcher = Dispatcher(
            worker_id=self.worker_id,
            storage=storage,
            gate=self._gate,
            connections=tmdb_client.connections,
            breaker=self._breaker,
            options=self._options,
            request_costs=self._request_costs,
            wake=self._wake,
            start=LookupTask(
                client=tmdb_client,
                storage=storage,
                options=self._options,
                gate=self._gate,
                breaker=self._breaker,
                saver=self._saver,
                request_costs=self._request_costs,
                index=self._index,
                metrics=metrics,
                tracing=tracing or Tracing(),
            ).run,
            may_claim=lambda: self._heartbeat.is_fresh,
            blocked=lambda: self._saver.blocked,
        )
        self.listener = Listener(
            storage.database,
            {
                Channel.NEW_WORK: self._note_work,
                Channel.FLEET_CONTROL: lambda _: self._look_around(),
            },
            on_connect=self._look_everywhere,
        )
        self._reclaimer = Reclaimer(
            worker_id=self.worker_id,
            storage=storage,
            dispatcher=self._dispatcher,
            worker_timeout=self._options.worker_timeout,
            wake=self._wake.set,
        )
        self._heartbeat = HeartbeatLoop(
            storage=storage,
            options=self._options,
            sharing=self._sharing,
            reclaimer=self._reclaimer,
            report=self._report,
            wake=self._wake.set,
        )
        self._maintenance = Maintenance(storage, self._options, self._wake)
        self._scheduler: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._last_run: datetime | None = None
        self._next_run: datetime | None = None
        self._tick_due_at = math.inf
        """As `_next_run`, in `time.monotonic()` seconds: a clock that is set makes no tick late."""

    async def start_scheduler(self) -> None:
        """Start all loops, from the listener to the saver. Returns at once."""
        if self._scheduler is not None:
            return
        self._stop.clear()
        self._dispatcher.stopping = False
        self._scheduler = asyncio.create_task(self._run(), name="scheduler")
        log.info("worker_started", worker_id=str(self.worker_id), host=_host())

    async def stop_scheduler(self) -> None:
        """Stop claiming, finish what is in flight within the drain time, give the rest back."""
        if self._scheduler is None:
            return
        self._stop.set()
        try:
            await self._scheduler
        finally:
            self._scheduler = None
            self._next_run = None
            self._tick_due_at = math.inf
        log.info("worker_stopped", worker_id=str(self.worker_id))

    async def wait_until_stopped(self) -> None:
        """Wait until the scheduler ends.

        Raises:
            ExceptionGroup: one of its loops ended by a defect.
        """
        if self._scheduler is not None:
            await asyncio.shield(self._scheduler)

    async def enrich_sessions(self) -> None:
        """Work until nothing is due. Not for use while the scheduler runs."""
        await self._work_until_idle(None)

    async def enrich_session(self, session_id: UUID) -> None:
        """Work until nothing of this session is due. Not for use while the scheduler runs."""
        await self._work_until_idle(session_id)

    async def force_enrich_session(self, session_id: UUID) -> int:
        """Queue again what was not found or failed in a session; how many lookups that were."""
        reopened = await self._storage.sessions.force(session_id)
        self._wake.set()
        return reopened

    async def pause_enrichment(self) -> None:
        """Pause the whole fleet; kept across restarts."""
        await self._storage.fleet.set_paused(paused=True)
        log.info("fleet_paused")

    async def resume_enrichment(self) -> None:
        """Let the whole fleet work again."""
        await self._storage.fleet.set_paused(paused=False)
        log.info("fleet_resumed")

    @property
    def is_registered(self) -> bool:
        """Whether the fleet knows that this worker is at work."""
        return self._heartbeat.is_registered

    def get_status(self) -> WorkerStatus:
        """What this worker knows of itself, without asking anybody."""
        running = self._scheduler is not None and not self._stop.is_set()
        paused = (view := self._dispatcher.view) is not None and view.paused
        lag = max(time.monotonic() - self._tick_due_at, 0.0) if running else 0.0
        return WorkerStatus(
            worker_status=("paused" if paused else "running") if running else "stopped",
            running=running,
            last_run=self._last_run,
            next_run=self._next_run,
            interval=self._options.interval,
            in_flight=self._dispatcher.looked_up,
            blocked=self._saver.blocked,
            tick_lag=lag,
            tick_overdue=lag > self._options.interval,
            listening=self.listener.connected,
            tmdb_state=self._breaker.own,
        )

    # -- the loops ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        beside = (self.listener, self._maintenance, self._dispatcher, self._export_loader)
        loops = [loop.run() for loop in beside]
        await self._alongside([self._tick(), *loops], self._drain())

    async def _work_until_idle(self, session_id: UUID | None) -> None:
        if self._scheduler is not None:
            raise RuntimeError("the scheduler is running: it does this work already")
        self._dispatcher.session_id = session_id
        self._dispatcher.stopping = False
        try:
            await self._alongside([], self._dispatcher.run_until_idle())
        finally:
            self._dispatcher.session_id = None

    async def _alongside(
        self, loops: list[Coroutine[None, None, None]], work: Coroutine[None, None, None]
    ) -> None:
        """Run the loops, the heartbeat and the saver for as long as the work takes."""
        try:
            async with asyncio.TaskGroup() as group:
                always = (
                    self._heartbeat.run(),
                    self._reclaimer.run(),
                    self._saver.run(),
                    self._index.run(),
                )
                tasks = [group.create_task(loop) for loop in (*always, *loops)]
                await work
                await self._end(tasks)
        finally:
            await self._deregister()

    async def _end(self, loops: list[asyncio.Task[None]]) -> None:
        """Write what was learned last, and end the loops.

        Over a silent connection even a cancelled statement waits, for the answer to its
        cancellation: such connections are given up here and in `_deregister`.
        """
        learning = asyncio.create_task(self._index.flush())
        await asyncio.wait({learning}, timeout=END_SECONDS)
        await self._storage.database.within(END_SECONDS, _end_all([learning, *loops]))
        if not learning.cancelled():
            learning.result()

    async def _drain(self) -> None:
        await self._stop.wait()
        self._dispatcher.stopping = True
        self._wake.set()
        if self._dispatcher.in_flight:
            log.info("worker_draining", in_flight=len(self._dispatcher.in_flight))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._options.drain * DRAIN_SHARE):
                # A claim that was under way when the stop came brings films that come later.
                while self._dispatcher.in_flight or self._dispatcher.claiming:
                    await asyncio.wait(
                        self._dispatcher.in_flight or {asyncio.create_task(asyncio.sleep(0.01))}
                    )

    def _report(self) -> Heartbeat:
        return Heartbeat(
            worker_id=self.worker_id,
            host=_host(),
            last_run=self._last_run,
            next_run=self._next_run,
            interval_seconds=self._options.interval,
            in_flight=self._dispatcher.looked_up,
            draining=self._stop.is_set(),
            requests_per_film=self._request_costs.requests_per_film,
            tmdb_state=self._breaker.own,
        )

    def _note_work(self, lowest_turn: str) -> None:
        self._storage.queue.floor.lower(int(lowest_turn) if lowest_turn.isdigit() else None)
        self._wake.set()

    def _look_around(self) -> None:
        self._wake.set()
        self._sharing.due.set()

    def _look_everywhere(self) -> None:
        self._storage.queue.floor.lower()
        self._look_around()

    async def _tick(self) -> None:
        """Find by looking what a lost notification did not tell, and have the chores done."""
        interval = self._options.interval
        while True:
            self._next_run = datetime.now(UTC) + timedelta(seconds=interval)
            self._tick_due_at = time.monotonic() + interval
            await asyncio.sleep(interval)
            self._last_run = datetime.now(UTC)
            self._reclaimer.note_tick()
            self._storage.queue.floor.lower()
            self._wake.set()
            self._maintenance.due.set()
            # A probe that came while the loop stood still is answered before this is on time.
            await asyncio.sleep(min(LATE_TICK_SECONDS, interval))

    async def _deregister(self) -> None:
        """End whatever is still in flight, give its claims back and sign off."""
        database = self._storage.database
        await database.within(END_SECONDS, _end_all([*self._dispatcher.in_flight]))
        await database.within(END_SECONDS, self._breaker.close())
        self._heartbeat.deregister()
        await self._sharing.close()
        try:
            async with asyncio.timeout(DEREGISTER_SECONDS):
                await database.within(DEREGISTER_SECONDS / 2, self._sign_off())
        except (TimeoutError, *STATEMENT_FAILED) as error:
            # Whoever beats next gives them back instead.
            log.warning("deregister_failed", error=f"{type(error).__name__}: {error}")

    async def _sign_off(self) -> None:
        if released := await self._storage.reclaim.release_all(self.worker_id):
            log.info("claims_given_back", count=released)
        await self._storage.fleet.deregister(self.worker_id)


async def _end_all(tasks: Collection[asyncio.Task[None] | asyncio.Task[bool]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _host() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
