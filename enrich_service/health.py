"""TMDB's health as the fleet sees it: whether a failure is the film's own or everybody's.

A film is charged with a failed attempt only when TMDB answers others. When nothing has been
answered since the film's request was sent, one probe decides for all who wonder; while TMDB is out
the fleet claims nothing and one daemon probes once per backoff.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import structlog

from enrich_service.asking import hold_back
from enrich_service.tmdb.client import SlotExpiredError
from enrich_service.tmdb.errors import KeyRefusedError, RateLimitedError, TMDBError
from enrich_service.tmdb.requests import configuration
from shared.errors import DatabaseUnavailableError
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
        self._answered_at = 0.0
        self._probe: asyncio.Task[bool] | None = None
        self.state = TMDBState.UP

    async def note_answer(self) -> None:
        """TMDB answered something usable (or a clean "no such film")."""
        self._answered_at = time.monotonic()
        if self.state is not TMDBState.UP:
            await self._tell_up()

    async def film_is_to_blame(self, sent_at: float) -> bool:
        """Whether a request sent then (`time.monotonic()`) failed although TMDB answers others."""
        if self._answered_at > sent_at:
            return True
        if self.state is not TMDBState.UP:
            return False
        if self._probe is None or self._probe.done():
            self._probe = asyncio.create_task(self._verdict(), name="tmdb-probe")
        # One film's cancellation must not take the probe away from the others.
        return await asyncio.shield(self._probe)

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
        if self._probe is not None and not self._probe.done():
            self._probe.cancel()
            await asyncio.wait([self._probe])

    async def _verdict(self) -> bool:
        while True:
            try:
                return await self._ask(await self._pass_gate())
            except SlotExpiredError:
                continue

    async def _ask(self, latest: float) -> bool:
        try:
            await self._client.send(configuration(), latest=latest)
        except RateLimitedError as error:
            # An answer all the same, and one that concerns the whole fleet.
            await hold_back(self._storage.window, self._options.request_limit, error)
        except TMDBError as error:
            refused = isinstance(error, KeyRefusedError)
            await self._tell_out(TMDBState.REFUSED if refused else TMDBState.DOWN, error)
            return False
        await self.note_answer()
        return True

    async def _tell_out(self, state: TMDBState, error: TMDBError) -> None:
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
