"""The dispatcher: looks at the queue, takes slots, hands them out, and claims films with the rest.

Slots go first to the next requests of films in flight, of this daemon and, by a short yield delay,
of all others; no film is claimed without a slot to start on. So fairness, pause and a 429 take
effect at once, a film that was begun is soon done, and a daemon that dies takes nothing along. Work
that nobody waits for gets half the budget at most, and one slot in twenty while somebody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from aiolimiter import AsyncLimiter

from enrich_service.storage.statement_errors import STATEMENT_FAILED, described
from shared.models import TMDBState

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from uuid import UUID

    from enrich_service.lookups import Claim, TokenAt
    from enrich_service.options import WorkerOptions
    from enrich_service.scheduling.circuit_breaker import CircuitBreaker
    from enrich_service.scheduling.request_cost import RequestCostEstimator
    from enrich_service.scheduling.slot_gate import SlotGate
    from enrich_service.storage import StorageService
    from enrich_service.storage.queue_view import QueueView
    from enrich_service.storage.request_limit import RequestLimit
    from enrich_service.storage.window import Grant
    from enrich_service.tmdb.connections import Connection, ConnectionPool

LONGEST_BLINDNESS_SECONDS = 1.0
"""While no slot is due, however long that is, the queue and the pause are looked at so often."""

YIELD_DELAY_SHARE = 1 / 8
"""Parts of the margin by which a daemon that would only claim comes later than those that wait."""

ASSUMED_REQUESTS = 2.0
"""A search and its film, before a film of this daemon has ended."""

log = structlog.get_logger(__name__)


class Dispatcher:
    """Keeps films in flight while there is work, slots and room.

    Args:
        worker_id: in whose name claims are made.
        storage: queue and window.
        gate: where films in flight wait for slots.
        connections: to TMDB; no slot is taken without one to use it on.
        breaker: what is known of TMDB.
        options: concurrency and request limit.
        request_costs: how many requests a film takes, so that of a burst enough is left to end it.
        wake: set whenever there may be something to do; cleared before looking, never after.
        start: makes the coroutine that sees one claim through, given the expiry of its slot and,
            if one was free, its connection.
        may_claim: whether this worker's heartbeat is fresh, so that its claims are safe.
        blocked: how many films are answered, and wait to be saved until others let go of them.
    """

    def __init__(
        self,
        *,
        worker_id: UUID,
        storage: StorageService,
        gate: SlotGate,
        connections: ConnectionPool,
        breaker: CircuitBreaker,
        options: WorkerOptions,
        request_costs: RequestCostEstimator,
        wake: asyncio.Event,
        start: Callable[[Claim, float, Connection | None], Coroutine[None, None, bool]],
        may_claim: Callable[[], bool],
        blocked: Callable[[], int],
    ) -> None:
        self._worker_id = worker_id
        self._storage = storage
        self._gate = gate
        self._connections = connections
        self._breaker = breaker
        self._options = options
        self._rule = options.request_limit
        self._request_costs = request_costs
        self._wake = wake
        self._start = start
        self._may_claim = may_claim
        self._blocked = blocked
        self._limiter = AsyncLimiter(self._rule.limit, self._rule.period)
        self._claiming: UUID | None = None
        self._next_slot_at = 0.0
        self._begin_at = 0.0
        self._viewed_at = 0.0
        self._was_idle = True
        self._found_work = False
        self._nothing_due = False
        self.has_lost_claims = False
        """Whether claims may stand in our name that nobody works on: an answer did not come."""
        self.in_flight: dict[asyncio.Task[bool], Claim] = {}
        """Every film in hand, also those that are blocked."""
        self.session_id: UUID | None = None
        """When set, only this session's lookups are claimed."""
        self.stopping = False
        """When set, nothing more is claimed; films in flight still get their slots."""
        self.view: QueueView | None = None
        """The queue as it was last seen."""

    @property
    def known_claims(self) -> set[TokenAt]:
        """The claims in flight."""
        return {claim.token_at for claim in self.in_flight.values()}

    @property
    def claiming(self) -> UUID | None:
        """The token of claims that are being made at this moment."""
        return self._claiming

    @property
    def looked_up(self) -> int:
        """Films in flight that are not blocked: these take the places that there are."""
        return len(self.in_flight) - self._blocked()

    async def run(self) -> None:
        """Dispatch until cancelled."""
        while True:
            self._wake.clear()
            pause = await self.step()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def run_until_idle(self) -> None:
        """Dispatch until nothing is due and nothing is in flight."""
        self._nothing_due = False
        while True:
            self._wake.clear()
            self._storage.queue.floor.lower()  # nobody tells of what is below it
            pause = await self.step()
            if self._nothing_due and not self.in_flight:
                return
            # Nobody listens or ticks here: the end of a pause, say, is found by looking.
            longest = self._options.interval
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(longest if pause is None else min(pause, longest)):
                    await self._wake.wait()

    async def step(self) -> float | None:
        """Do what can be done now; seconds until it makes sense to come back without a wake-up."""
        try:
            return await self._dispatch()
        except STATEMENT_FAILED as error:
            # The service waits for its database with whatever it has; it never ends because of it.
            log.warning("dispatch_failed", **described(error))
            self.has_lost_claims = True
            return 1.0

    async def _dispatch(self) -> float | None:
        room = self._room()
        if room + self._gate.waiting == 0:
            return None
        early = self._early()
        if early > 0 and time.monotonic() - self._viewed_at < LONGEST_BLINDNESS_SECONDS:
            return min(early, LONGEST_BLINDNESS_SECONDS)
        view = await self._look(room)
        if view.paused:
            return None
        early = self._early()  # looking may have found out that the database was lost
        if early > 0:
            return min(early, LONGEST_BLINDNESS_SECONDS)
        if not self._breaker.is_good:
            return await self._wait_for_tmdb(view)
        pause = await self._use_slots(view, room)
        if self._found_work:
            # Told after the films are on their way: whoever waits for them waits no longer for it.
            self._found_work = False
            log.info("sessions_found", sessions=await self._storage.sessions.waiting())
        return pause

    async def _use_slots(self, view: QueueView, room: int) -> float | None:
        # A slot lasts for a moment: what it is used on is opened before it is taken.
        one_by_one = time.monotonic() < self._next_slot_at + 2 * self._rule.period
        self._connections.prepare(min(view.due, 1 if one_by_one else view.due) or view.background)
        ready = self._connections.ready
        wanted = min(self._gate.waiting + min(view.due, ready), self._rule.limit)
        if (wanted or view.background) and (spare := self._gate.take_spare()):
            # A film was known without asking: its slot is another's.
            if left := self._gate.give(spare)[:room]:
                await self._claim(left)
            return max(self._early(), 0.0)
        if wanted:
            return await self._take_and_hand_out(wanted)
        if view.due or (view.background and not ready):
            self._nothing_due = False
            return None  # a connection that is being opened wakes
        return await self._work_in_the_background() if view.background else view.next_due

    def _room(self) -> int:
        if self.stopping or not self._may_claim() or self._blocked() >= self._options.most_blocked:
            return 0
        return max(min(self._options.concurrency - self.looked_up, self._connections.free), 0)

    async def _look(self, room: int) -> QueueView:
        view = self.view = await self._storage.queue.view(room, self.session_id)
        self._viewed_at = time.monotonic()
        self._breaker.note_state(view.tmdb_state)
        if room == 0 and not view.paused:
            return view  # without room nothing was counted
        idle = view.due == 0 or view.paused
        self._found_work = self._found_work or (self._was_idle and not idle)
        self._was_idle = idle
        self._nothing_due = idle
        return view

    def _early(self) -> float:
        """Seconds until this daemon may ask for a slot, or use one that it has."""
        yield_delay = 0.0 if self._gate.waiting else self._rule.margin * YIELD_DELAY_SHARE
        slot_at = 0.0 if self._gate.has_spare else self._next_slot_at + yield_delay
        if not (self._gate.waiting or self._gate.has_spare):
            slot_at = max(slot_at, self._begin_at)
        return max(slot_at, self._quiet_until()) - time.monotonic()

    async def _take_and_hand_out(self, wanted: int) -> float | None:
        # The token bucket of this process bounds what it may ask the fleet for.
        while wanted > 0 and not self._limiter.has_capacity(wanted):
            wanted -= 1
        if wanted == 0:
            return self._rule.period / self._rule.limit
        beginning = max(wanted - self._gate.waiting, 0)
        grant = await self._take(self._rule, wanted, beginning)
        if grant is None:
            return self._early()
        if len(grant.expiries) < wanted and grant.wait <= 0:
            # What is left of the burst is for films in flight, those of others among them.
            self._begin_at = time.monotonic() + self._rule.period / self._rule.limit
        # Where there are slots for all, yielding would only cost time.
        # What was told is believed for a moment: a hold may be taken away, or the clock set.
        wait = min(grant.wait, LONGEST_BLINDNESS_SECONDS)
        self._next_slot_at = time.monotonic() + wait if wait > 0 else 0.0
        left = self._gate.give(grant.expiries)
        if left:
            await self._claim(left)
        return max(self._early(), 0.0)

    async def _work_in_the_background(self) -> float | None:
        """Claim one of the lookups that nobody waits for, if its smaller budget has a slot."""
        grant = await self._take(self._options.background_limit, 1)
        if grant is None:
            return self._early()
        if grant.expiries:
            await self._claim_in_the_background(list(grant.expiries), in_share=False)
        return min(grant.wait, LONGEST_BLINDNESS_SECONDS)

    async def _take(self, rule: RequestLimit, wanted: int, beginning: int = 0) -> Grant | None:
        """Take slots; None when the database was lost meanwhile.

        They came, then, from a server that may not know the last sends.
        """
        lost_at = self._storage.database.lost_at
        grant = await self._storage.window.take(
            rule,
            wanted,
            beginning=beginning,
            per_film=self._request_costs.requests_per_film or ASSUMED_REQUESTS,
        )
        if self._storage.database.lost_at != lost_at:
            return None
        if grant.expiries:
            await self._limiter.acquire(len(grant.expiries))
        return grant

    async def _claim(self, expiries: list[float]) -> None:
        if self.view and self.view.background and self.view.background_due:
            expiries = await self._claim_in_the_background(expiries, in_share=True)
        if self.stopping or not expiries:
            return  # it began to stop while the slots were taken
        token = self._claiming = uuid4()
        try:
            claims = await self._storage.queue.claim(
                self._worker_id, token, len(expiries), self.session_id
            )
            self._begin(claims, expiries)
        finally:
            # From here on the tasks vouch for the token; of a claim whose answer was lost nobody
            # does, and the next heartbeat gives it back.
            self._claiming = None

    async def _claim_in_the_background(
        self, expiries: list[float], *, in_share: bool
    ) -> list[float]:
        """Give the first of these slots to what nobody waits for; those that are left."""
        if self.stopping:
            return expiries
        token = self._claiming = uuid4()
        try:
            claim = await self._storage.background.claim(
                self._worker_id, token, self._options.background_pause, in_share=in_share
            )
            if claim is None:
                return expiries
            self._begin([claim], expiries)
        finally:
            self._claiming = None  # as above
        return expiries[1:]

    def _begin(self, claims: list[Claim], expiries: list[float]) -> None:
        for claim, expiry in zip(claims, expiries, strict=False):
            work = self._start(claim, expiry, self._connections.try_acquire())
            task = asyncio.create_task(work, name=claim.key)
            self.in_flight[task] = claim
            task.add_done_callback(self._landed)

    def _landed(self, task: asyncio.Task[bool]) -> None:
        del self.in_flight[task]
        error = None if task.cancelled() else task.exception()
        if error:
            log.error("lookup_task_crashed", key=task.get_name(), exc_info=error)
        if task.cancelled() or error or not task.result():
            self.has_lost_claims = True
        self._nothing_due = False  # there is room again, and nobody has looked since
        self._wake.set()

    async def _wait_for_tmdb(self, view: QueueView) -> float | None:
        if view.tmdb_state is TMDBState.UP:
            self._gate.cancel_waiters()  # others are answered: theirs are the films, too
            pause, probe = self._breaker.own_probe_in, self._breaker.probe_alone
        else:
            pause = (view.next_probe or 0.0) + self._breaker.yield_delay
            probe = self._breaker.probe_if_due
        if pause > 0:
            return pause
        if not self._connections.free:
            return None  # whoever gives one back wakes
        grant = await self._take(self._rule, 1)
        if grant is None:
            return self._early()
        if not grant.expiries:
            return min(grant.wait, LONGEST_BLINDNESS_SECONDS)
        await probe(grant.expiries[0])
        return 0.0

    def _quiet_until(self) -> float:
        """After losing the database, one quiet period: a promoted standby may lack the last slots.

        In `time.monotonic()` seconds.
        """
        lost_at = self._storage.database.lost_at
        return 0.0 if lost_at is None else lost_at + self._rule.period + self._rule.margin
