"""The enrichment worker: one daemon's life, from its first heartbeat to its last."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from enrich_service.dispatcher import Dispatcher
from enrich_service.films import Films
from enrich_service.gate import RequestGate
from enrich_service.health import TMDBHealth
from enrich_service.housekeeping import Housekeeping
from enrich_service.metrics import Metrics
from enrich_service.options import WorkerOptions
from enrich_service.saver import Saver
from enrich_service.spending import Spending
from enrich_service.storage.fleet import Heartbeat
from enrich_service.title_index import TitleIndex
from shared.errors import ProjectionistError
from shared.listener import Listener
from shared.models import Channel, TMDBState
from shared.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from uuid import UUID

    from enrich_service.storage import StorageService
    from enrich_service.tmdb.client import TMDBClient

RETRY_SECONDS = 1.0
END_SECONDS = 0.5
LEAVE_SECONDS = 2.0
DRAIN_SHARE = 0.8
"""Of the drain time; what is left is for giving back and signing off."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What one daemon says of itself.

    Attributes:
        worker_status: `running`, `paused` or `stopped`.
        running: whether its scheduler runs.
        last_run, next_run: of the fallback tick.
        interval: seconds between ticks.
        in_flight: films being looked up.
        tick_lag: by how many seconds the tick is late; 0 while it is on time.
        tick_overdue: whether the tick should have come long ago.
        listening: whether wake-ups arrive.
        tmdb_state: what TMDB is to this daemon, which may be cut off by itself.
    """

    worker_status: str
    running: bool
    last_run: datetime | None
    next_run: datetime | None
    interval: float
    in_flight: int
    tick_lag: float
    tick_overdue: bool
    listening: bool
    tmdb_state: TMDBState


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
        self._gate = RequestGate(self._wake, metrics.note_wait)
        self._saver = Saver(storage.completions, metrics)
        self._spending = Spending()
        self._index = TitleIndex(storage, self._options)
        self._health = TMDBHealth(
            self.worker_id, tmdb_client, storage, self._options, self._gate.pass_through
        )
        self._dispatcher = Dispatcher(
            worker_id=self.worker_id,
            storage=storage,
            gate=self._gate,
            health=self._health,
            options=self._options,
            wake=self._wake,
            start=Films(
                client=tmdb_client,
                storage=storage,
                options=self._options,
                gate=self._gate,
                health=self._health,
                saver=self._saver,
                spending=self._spending,
                index=self._index,
                metrics=metrics,
                tracing=tracing or Tracing(),
            ).see_through,
            may_claim=self._may_claim,
        )
        self.listener = Listener(
            storage.database,
            {
                Channel.NEW_WORK: lambda _: self._wake.set(),
                Channel.FLEET_CONTROL: lambda _: self._wake.set(),
            },
            on_connect=self._wake.set,
        )
        self._housekeeping = Housekeeping(storage, self._options)
        self._scheduler: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._beaten_at: float | None = None
        self._rescue_due = asyncio.Event()
        self._last_run: datetime | None = None
        self._next_run: datetime | None = None
        self._tick_due_at = math.inf
        """As `_next_run`, in `time.monotonic()` seconds: a clock that is set makes no tick late."""

    # -- the public face ---------------------------------------------------------------------------

    async def start_scheduler(self) -> None:
        """Start the loops: listener, tick, heartbeat, dispatcher, saver. Returns at once."""
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

    def get_status(self) -> WorkerStatus:
        """What this worker knows of itself, without asking anybody."""
        running = self._scheduler is not None and not self._stop.is_set()
        view = self._dispatcher.view
        paused = view is not None and view.paused
        lag = max(time.monotonic() - self._tick_due_at, 0.0) if running else 0.0
        return WorkerStatus(
            worker_status=("paused" if paused else "running") if running else "stopped",
            running=running,
            last_run=self._last_run,
            next_run=self._next_run,
            interval=self._options.interval,
            in_flight=len(self._dispatcher.in_flight),
            tick_lag=lag,
            tick_overdue=lag > self._options.interval,
            listening=self.listener.connected,
            tmdb_state=self._health.own,
        )

    # -- the loops ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        await self._alongside(
            [self.listener.run(), self._tick(), self._dispatcher.run()], self._until_drained()
        )

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
                    self._beat(),
                    self._rescue_when_due(),
                    self._saver.run(),
                    self._index.run(),
                )
                tasks = [group.create_task(loop) for loop in (*always, *loops)]
                await work
                await self._end(tasks)
        finally:
            await self._leave()

    async def _end(self, loops: list[asyncio.Task[None]]) -> None:
        """Write what was learned last, and end the loops.

        Over a silent connection even a cancelled statement waits, for the answer to its
        cancellation: such connections are given up here and in `_leave`.
        """
        learning = asyncio.create_task(self._index.flush())
        await asyncio.wait({learning}, timeout=END_SECONDS)
        await self._storage.database.within(END_SECONDS, _end_all([learning, *loops]))
        if not learning.cancelled():
            learning.result()

    async def _until_drained(self) -> None:
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

    async def _beat(self) -> None:
        """Say that we live, and have the claims of those who no longer do given back."""
        while True:
            try:
                beaten_at = self._beaten_at
                await self._say_alive()
            except ProjectionistError as error:
                log.warning("heartbeat_failed", code=error.code, error=error.detail)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if beaten_at is None or not self._is_fresh(beaten_at):
                # After an outage everybody's heartbeat is old: let the others speak up first.
                self._wake.set()
            else:
                self._rescue_due.set()
            await asyncio.sleep(self._options.heartbeat)

    async def _rescue_when_due(self) -> None:
        """Rescue after each heartbeat, but beside them: an answer that never comes stops no heart.

        The next heartbeats find out over which connection it does not come.
        """
        while True:
            await self._rescue_due.wait()
            self._rescue_due.clear()
            try:
                rescued = await self._rescue()
            except ProjectionistError as error:
                log.warning("rescue_failed", code=error.code, error=error.detail)
                continue
            if rescued:
                log.warning("claims_rescued", count=rescued)
                self._wake.set()

    async def _say_alive(self) -> None:
        asked_at = time.monotonic()
        beat = Heartbeat(
            worker_id=self.worker_id,
            host=_host(),
            last_run=self._last_run,
            next_run=self._next_run,
            interval_seconds=self._options.interval,
            in_flight=len(self._dispatcher.in_flight),
            draining=self._stop.is_set(),
            requests_per_film=self._spending.requests_per_film,
            tmdb_state=self._health.own,
        )
        # The smallest statement there is, and a regular one: it finds out a silent database.
        database, heartbeat = self._storage.database, self._options.heartbeat
        await database.within(heartbeat, self._storage.fleet.beat(beat))
        self._beaten_at = asked_at
        await database.within(heartbeat, database.give_up_unanswered(heartbeat))

    async def _rescue(self) -> int:
        """Give back the claims of silent workers, and those of ours whose answer was lost.

        Which of our claims are lost is decided by what is known *after* they were read: a claim
        that is being made meanwhile is known by then, and a token is never used twice.
        """
        rescue = await self._storage.rescue.rescue_silent(self.worker_id, self._options.silent)
        unknown = rescue.own - self._dispatcher.known_claims
        lost = {claim for claim in unknown if claim[1] != self._dispatcher.claiming}
        if lost:
            await self._storage.rescue.give_back_lost(lost)
        return rescue.freed + len(lost)

    def _may_claim(self) -> bool:
        """Whether nobody can take us for dead before the next heartbeat is due."""
        return self._beaten_at is not None and self._is_fresh(self._beaten_at)

    def _is_fresh(self, beaten_at: float) -> bool:
        return time.monotonic() - beaten_at < self._options.silent - self._options.heartbeat

    async def _tick(self) -> None:
        """Find by looking what a lost notification did not tell, and mend what should be true."""
        interval = self._options.interval
        while True:
            self._next_run = datetime.now(UTC) + timedelta(seconds=interval)
            self._tick_due_at = time.monotonic() + interval
            await asyncio.sleep(interval)
            self._last_run = datetime.now(UTC)
            self._wake.set()
            try:
                # A database that does not answer must not make the tick itself late.
                async with asyncio.timeout(interval / 2):
                    if await self._housekeeping.do():
                        self._wake.set()
            except (TimeoutError, ProjectionistError) as error:
                log.warning("tick_failed", error=f"{type(error).__name__}: {error}")

    async def _leave(self) -> None:
        """End whatever is still in flight, give its claims back and sign off."""
        database = self._storage.database
        await database.within(END_SECONDS, _end_all(list(self._dispatcher.in_flight)))
        await database.within(END_SECONDS, self._health.close())
        self._beaten_at = None
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await database.within(LEAVE_SECONDS / 2, self._sign_off())
        except (TimeoutError, ProjectionistError) as error:
            # Whoever beats next gives them back instead.
            log.warning("leave_failed", error=f"{type(error).__name__}: {error}")

    async def _sign_off(self) -> None:
        if given_back := await self._storage.rescue.give_back_all(self.worker_id):
            log.info("claims_given_back", count=given_back)
        await self._storage.fleet.leave(self.worker_id)


async def _end_all(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _host() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
