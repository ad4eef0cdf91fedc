"""TMDB's health as the fleet sees it: whether a failure is the film's own or everybody's.

A film is charged with a failed attempt only when TMDB answers a request that was sent after the
film's had failed: one sent before may have slipped through just ahead of an outage. When no such
answer comes by itself, one probe decides for all who wonder; while TMDB is out the fleet claims
nothing and one daemon probes once per backoff.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING

import structlog

from enrich_service.asking import hold_back
from enrich_service.tmdb.client import SlotExpiredError
from enrich_service.tmdb.errors import KeyRefusedError, RateLimitedError, TMDBError
from enrich_service.tmdb.requests import configuration
from shared.errors import DatabaseUnavailableError, ProjectionistError
from shared.models import TMDBState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.options import WorkerOptions
    from enrich_service.storage import StorageService
    from enrich_service.tmdb.client import TMDBClient

log = structlog.get_logger(__name__)


class TMDBHealth:
    """This daemon's part in judging TMDB.

    Args:
        client: sends the probe.
        storage: keeps the verdict for the fleet.
        options: how far apart probes are.
        pass_gate: waits for a slot, and says until when it may be used.
    """

    def __init__(
        self,
        client: TMDBClient,
        storage: StorageService,
        options: WorkerOptions,
        pass_gate: Callable[[], Awaitable[float]],
    ) -> None:
        self._client = client
        self._storage = storage
        self._options = options
        self._pass_gate = pass_gate
        self._wondering: dict[asyncio.Future[bool], float] = {}
        """Who waits for a verdict, with the time at which the film's request had failed."""
        self._decider: asyncio.Task[None] | None = None
        self.state = TMDBState.UP

    async def note_answer(self, sent_at: float) -> None:
        """TMDB answered something usable (or a clean "no such film") to a request sent then."""
        self._decide(to_blame=True, failed_before=sent_at)
        if self.state is not TMDBState.UP:
            await self._tell_up()

    async def film_is_to_blame(self) -> bool:
        """Whether the request that has just failed did so although TMDB answers others."""
        if self.state is not TMDBState.UP:
            return False
        verdict: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._wondering[verdict] = time.monotonic()
        if self._decider is None or self._decider.done():
            self._decider = asyncio.create_task(self._probe_for_a_verdict(), name="tmdb-verdict")
        try:
            return await verdict
        finally:
            self._wondering.pop(verdict, None)

    async def note_refused_key(self, error: KeyRefusedError) -> None:
        """The key was refused: nothing can succeed until it is put right.

        Only the first film to meet it says so; the others would lengthen the pause before a probe.
        """
        if self.state is not TMDBState.REFUSED:
            await self._tell_out(TMDBState.REFUSED, error)

    async def probe_if_due(self, latest: float) -> None:
        """While TMDB is out: probe it, if its time has come and no other daemon does.

        Args:
            latest: until when the probe may go out (`time.monotonic()` seconds).
        """
        if await self._storage.fleet.win_probe(self._options.longest_probe):
            try:
                await self._ask(latest)
            except SlotExpiredError:
                await self._storage.fleet.probe_again_now()

    async def close(self) -> None:
        """End a probe that is under way."""
        if self._decider is not None and not self._decider.done():
            self._decider.cancel()
            await asyncio.wait([self._decider])

    async def _probe_for_a_verdict(self) -> None:
        """Probe until nobody wonders; an answer to another film in time makes it unnecessary."""
        try:
            await asyncio.sleep(self._options.verdict)
            while self._wondering:
                with contextlib.suppress(SlotExpiredError):
                    await self._ask(await self._pass_gate())
        except ProjectionistError as error:
            log.warning("tmdb_state_not_saved", error=error.detail)
        finally:
            # Whatever ended the probe, no film is charged without a reason.
            self._decide(to_blame=False)

    def _decide(self, *, to_blame: bool, failed_before: float = math.inf) -> None:
        for verdict, failed_at in list(self._wondering.items()):
            if failed_at < failed_before and not verdict.done():
                verdict.set_result(to_blame)
                del self._wondering[verdict]

    async def _ask(self, latest: float) -> None:
        sent_at = time.monotonic()
        try:
            await self._client.send(configuration(), latest=latest)
        except RateLimitedError as error:
            # An answer all the same, and one that concerns the whole fleet.
            await hold_back(self._storage.window, self._options.request_limit, error)
        except TMDBError as error:
            refused = isinstance(error, KeyRefusedError)
            await self._tell_out(TMDBState.REFUSED if refused else TMDBState.DOWN, error)
            return
        await self.note_answer(sent_at)

    async def _tell_out(self, state: TMDBState, error: TMDBError) -> None:
        self._decide(to_blame=False)
        if self.state is not state:
            event = "tmdb_key_refused" if state is TMDBState.REFUSED else "tmdb_down"
            log.error(event, reason=str(error))
        self.state = state
        await self._storage.fleet.tmdb_is_out(
            state,
            str(error),
            first_pause=self._options.first_probe,
            longest_pause=self._options.longest_probe,
        )

    async def _tell_up(self) -> None:
        self.state = TMDBState.UP
        log.info("tmdb_up")
        try:
            await self._storage.fleet.tmdb_is_up()
        except DatabaseUnavailableError as error:
            # The next view of the queue brings the old state back, and the next answer this.
            log.warning("tmdb_state_not_saved", error=error.detail)
