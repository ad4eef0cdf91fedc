"""TMDB's health as the fleet sees it: whether a failure is the film's own or everybody's.

A film is charged with a failed attempt only when TMDB answers a request that was sent after the
film's had failed: one sent before may have slipped through just ahead of an outage. When no such
answer comes by itself, one probe decides for all who wonder; while TMDB is out the fleet claims
nothing and one daemon probes once per backoff.

A daemon that is cut off by itself looks, to itself, just like an outage. It says so once, and the
fleet holds its breath until another daemon is answered. From then on the one that is cut off
claims nothing and probes for itself, and is silent as long as another living daemon reaches TMDB.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING

import structlog

from enrich_service.scheduling.rate_limited_client import hold_back
from enrich_service.scheduling.slot_gate import SlotWaitCancelledError
from enrich_service.storage.statement_errors import STATEMENT_FAILED, described
from enrich_service.tmdb.client import AskAgainError
from enrich_service.tmdb.errors import KeyRefusedError, RateLimitedError, TMDBError
from enrich_service.tmdb.requests import configuration
from shared.models import TMDBState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from enrich_service.options import WorkerOptions
    from enrich_service.storage import StorageService
    from enrich_service.tmdb.client import TMDBClient
    from enrich_service.tmdb.connections import Connection

MOST_DOUBLINGS = 20

log = structlog.get_logger(__name__)


class CircuitBreaker:
    """This daemon's part in judging TMDB.

    Args:
        worker_id: which daemon this is.
        client: sends the probe.
        storage: keeps the verdict for the fleet.
        options: how far apart probes are.
        acquire_slot: waits for a slot, and says until when it may be used.
    """

    def __init__(
        self,
        worker_id: UUID,
        client: TMDBClient,
        storage: StorageService,
        options: WorkerOptions,
        acquire_slot: Callable[[], Awaitable[float]],
    ) -> None:
        self._worker_id = worker_id
        self._client = client
        self._storage = storage
        self._options = options
        self._acquire_slot = acquire_slot
        self._pending_verdicts: dict[asyncio.Future[bool], float] = {}
        """Who waits for a verdict, with the time at which the film's request had failed."""
        self._decider: asyncio.Task[None] | None = None
        self._own_probes = 0
        self._own_probe_at = 0.0
        self._out_since = 0.0
        self._is_cut_off = False
        self.own = TMDBState.UP
        """What TMDB is to this daemon, which may be cut off by itself."""
        self.state = TMDBState.UP
        """What TMDB is to the fleet."""

    @property
    def is_good(self) -> bool:
        """Whether films may be claimed and asked for, as far as TMDB is concerned."""
        return self.state is TMDBState.UP and self.own is TMDBState.UP

    @property
    def own_probe_in(self) -> float:
        """While TMDB is there for others only: seconds until this daemon may look again."""
        return self._own_probe_at - time.monotonic()

    @property
    def yield_delay(self) -> float:
        """Seconds for which a daemon that was not answered leaves the fleet's probe to others."""
        return 0.0 if self.own is TMDBState.UP else self._options.first_probe / 2

    def note_state(self, state: TMDBState) -> None:
        """This is what the fleet holds of TMDB."""
        now = time.monotonic()
        if state is not TMDBState.UP:
            self._decide(to_blame=False)  # the others' verdict is this daemon's too
        if self.state is TMDBState.UP:
            self._out_since = now
        elif state is TMDBState.UP and now - self._out_since > self._options.first_probe:
            self._own_probe_at = now  # an outage is over, and no false alarm of ours
        self.state = state

    async def note_answer(self, sent_at: float) -> None:
        """TMDB answered something usable (or a clean "no such film") to a request sent then."""
        self._decide(to_blame=True, failed_before=sent_at)
        self.own = TMDBState.UP
        self._own_probes = 0
        if self._is_cut_off:
            self._is_cut_off = False
            log.info("tmdb_reachable")
        if self.state is not TMDBState.UP:
            await self._tell_up()

    async def is_item_failure(self) -> bool:
        """Whether the request that has just failed did so although TMDB answers others."""
        if not self.is_good:
            return False
        verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._pending_verdicts[verdict] = time.monotonic()
        if self._decider is None or self._decider.done():
            self._decider = asyncio.create_task(self._probe_for_a_verdict(), name="tmdb-verdict")
        try:
            return await verdict
        finally:
            self._pending_verdicts.pop(verdict, None)

    async def note_refused_key(self, error: KeyRefusedError) -> None:
        """The key was refused: nothing can succeed until it is put right.

        Only the first film to meet it says so; the others would lengthen the pause before a probe.
        """
        if TMDBState.REFUSED not in {self.state, self.own}:
            await self._tell_out(TMDBState.REFUSED, error)

    async def probe_if_due(self, latest: float) -> None:
        """While TMDB is out: probe it, if its time has come and no other daemon does.

        Args:
            latest: until when the probe may go out (`time.monotonic()` seconds).
        """
        if await self._storage.fleet.win_probe(self._options.longest_probe):
            try:
                await self._ask(latest, for_the_fleet=True)
            except AskAgainError:
                await self._storage.fleet.probe_again_now()

    async def probe_alone(self, latest: float) -> None:
        """While TMDB is there for others: look whether it is there for this daemon again.

        Args:
            latest: until when the probe may go out (`time.monotonic()` seconds).
        """
        with contextlib.suppress(AskAgainError):
            await self._ask(latest)

    async def close(self) -> None:
        """End a probe that is under way."""
        if self._decider is not None and not self._decider.done():
            self._decider.cancel()
            await asyncio.wait([self._decider])

    async def _probe_for_a_verdict(self) -> None:
        """Probe until nobody wonders; an answer to another film in time makes it unnecessary."""
        try:
            await asyncio.sleep(self._options.verdict)
            while self._pending_verdicts:
                with contextlib.suppress(AskAgainError, SlotWaitCancelledError):
                    async with self._client.connection() as connection:
                        await self._ask(await self._acquire_slot(), connection)
        except STATEMENT_FAILED as error:
            log.warning("tmdb_state_not_saved", **described(error))
        finally:
            # Whatever ended the probe, no film is charged without a reason.
            self._decide(to_blame=False)

    def _decide(self, *, to_blame: bool, failed_before: float = math.inf) -> None:
        for verdict, failed_at in list(self._pending_verdicts.items()):
            if failed_at < failed_before and not verdict.done():
                verdict.set_result(to_blame)
                del self._pending_verdicts[verdict]

    async def _ask(
        self, latest: float, connection: Connection | None = None, *, for_the_fleet: bool = False
    ) -> None:
        sent_at = time.monotonic()
        try:
            await self._client.send(configuration(), latest=latest, connection=connection)
        except RateLimitedError as error:
            # An answer all the same, and one that concerns the whole fleet.
            await hold_back(self._storage.window, self._options.request_limit, error)
        except TMDBError as error:
            refused = isinstance(error, KeyRefusedError)
            state = TMDBState.REFUSED if refused else TMDBState.DOWN
            await self._tell_out(state, error, for_the_fleet=for_the_fleet)
            return
        await self.note_answer(sent_at)

    async def _tell_out(
        self, state: TMDBState, error: TMDBError, *, for_the_fleet: bool = False
    ) -> None:
        self._decide(to_blame=False)
        is_news = self.own is TMDBState.UP
        self.own = state
        self._put_off_own_probe()
        if not is_news and self.state is TMDBState.UP and await self._others_reach_it():
            if not self._is_cut_off:
                self._is_cut_off = True
                log.error("tmdb_cut_off", reason=str(error))
            return
        if self.state is not state:
            event = "tmdb_key_refused" if state is TMDBState.REFUSED else "tmdb_down"
            log.error(event, reason=str(error))
        self.note_state(state)
        await self._storage.fleet.tmdb_is_out(
            state,
            str(error),
            lengthen=for_the_fleet,
            first_pause=self._options.first_probe,
            longest_pause=self._options.longest_probe,
        )

    def _put_off_own_probe(self) -> None:
        pause = self._options.first_probe * 2 ** min(self._own_probes, MOST_DOUBLINGS)
        self._own_probe_at = time.monotonic() + min(pause, self._options.longest_probe)
        self._own_probes += 1

    async def _others_reach_it(self) -> bool:
        return await self._storage.fleet.others_reach_tmdb(
            self._worker_id, self._options.worker_timeout
        )

    async def _tell_up(self) -> None:
        self.state = TMDBState.UP
        log.info("tmdb_up")
        try:
            await self._storage.fleet.tmdb_is_up()
        except STATEMENT_FAILED as error:
            # The next view of the queue brings the old state back, and the next answer this.
            log.warning("tmdb_state_not_saved", **described(error))
