"""Saves completions in small batches: one transaction and one NOTIFY for many films.

Each NOTIFY takes a database-wide lock at commit, so a few tens of milliseconds are waited for
company. A film's task waits until its completion is saved, so whoever drains waits for it too.

An upload holds every lookup that it lists until its commit. Completions of what others hold are
blocked: they stand in a line of their own, which costs one connection however long it is.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from shared.errors import ProjectionistError
from shared.models import Outcome, SessionStatus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from enrich_service.lookups import Claim, Completion
    from enrich_service.metrics import Metrics
    from enrich_service.storage.completions import CompletionStorage, Saved

GATHER_SECONDS = 0.03
LARGEST_BATCH = 100
_OUTAGE_PAUSE_SECONDS = 0.5

log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class _Pending:
    completion: Completion
    saved: asyncio.Future[bool]
    is_blocked: bool = False
    waited_at: float = 0.0
    """Since when it stands in the line, or when it was last waited for."""


class CompletionSaver:
    """Collects completions and flushes them.

    Args:
        storage: saves them.
        metrics: is told of each that is saved.
        wake: set when a film becomes blocked, so that the dispatcher claims another in its place.
    """

    def __init__(self, storage: CompletionStorage, metrics: Metrics, wake: asyncio.Event) -> None:
        self._storage = storage
        self._metrics = metrics
        self._wake = wake
        self._queue: list[_Pending] = []
        self._arrived = asyncio.Event()
        self._line: list[_Pending] = []
        self._stuck = asyncio.Event()
        """Set while anybody stands in the line."""
        self.blocked = 0
        """Films that are answered, and cannot be saved because others hold their rows."""

    async def save(self, completion: Completion) -> bool:
        """Wait until it is saved; False when the claim was no longer ours and nothing changed.

        Raises:
            Exception: it cannot be saved as it is, because of what it holds.
        """
        pending = _Pending(completion, asyncio.get_running_loop().create_future())
        self._put([pending])
        return await pending.saved

    async def run(self) -> None:
        """Flush until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._save_what_arrives(), name="saver")
            group.create_task(self._save_what_is_blocked(), name="saver-of-blocked")

    async def _save_what_arrives(self) -> None:
        while True:
            await self._arrived.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._arrived.clear()
            batch, self._queue = self._queue[:LARGEST_BATCH], self._queue[LARGEST_BATCH:]
            self._put([])
            await self._flush(batch)

    async def _save_what_is_blocked(self) -> None:
        """Try all who stand in the line, then wait a moment for what one of them needs.

        So whoever holds the rows of many is waited for once, and no row is overtaken for ever by
        uploads that follow each other closely: everybody is that one in turn.
        """
        is_told = False
        while True:
            await self._stuck.wait()
            self._stuck.clear()
            line, self._line = self._line, []
            for start in range(0, len(line), LARGEST_BATCH):
                await self._flush(line[start : start + LARGEST_BATCH])
            if self._line:
                first = min(self._line, key=lambda item: item.waited_at)
                self._line.remove(first)
                first.waited_at = time.monotonic()
                await self._write([first], wait=True)
                if not first.saved.done() and not is_told:
                    log.warning("completions_blocked", waiting=self.blocked)
                    is_told = True
            else:
                is_told = False

    def _put(self, items: list[_Pending]) -> None:
        """Put them where they belong, to be saved as soon as possible."""
        for item in items:
            (self._line if item.is_blocked else self._queue).append(item)
        if self._queue:
            self._arrived.set()
        if self._line:
            self._stuck.set()

    def _block(self, item: _Pending) -> None:
        if item.saved.done():
            return  # its film was cancelled
        if not item.is_blocked:
            item.is_blocked = True
            item.waited_at = time.monotonic()
            self.blocked += 1
            item.saved.add_done_callback(self._unblock)
            self._wake.set()
        self._put([item])

    def _unblock(self, _: asyncio.Future[bool]) -> None:
        self.blocked -= 1

    async def _flush(self, batch: list[_Pending]) -> None:
        """Save a batch; what was not saved, for whatever reason, waits again afterwards."""
        together: list[_Pending] = []
        alone: list[_Pending] = []
        for item in batch:
            if item.saved.done():
                continue  # its film was cancelled
            (alone if item.completion.unknown_id else together).append(item)
        if together and not await self._write(together):
            alone = together + alone
        for item in alone:
            await self._write([item])

    async def _write(self, batch: list[_Pending], *, wait: bool = False) -> bool:
        """Save these; False when there are several and one of them, who knows which, cannot be."""
        try:
            saved = await self._storage.save(
                [item.completion for item in batch],
                wait=wait,
                pass_by=not wait and self.blocked > 0,
            )
        except ProjectionistError as error:
            log.warning("completion_save_retry", waiting=len(batch), error=error.detail)
            await asyncio.sleep(_OUTAGE_PAUSE_SECONDS)
            self._put(batch)
        except Exception as error:  # noqa: BLE001  # one film's defect must not stop the others
            if len(batch) > 1:
                return False
            if not batch[0].saved.done():
                batch[0].saved.set_exception(error)
        else:
            self._settle(batch, saved)
        return True

    def _settle(self, batch: list[_Pending], saved: Saved) -> None:
        held = {completion.claim for completion in saved.held}
        lost = {completion.claim for completion in saved.lost}
        for item in batch:
            claim = item.completion.claim
            if claim in held:
                self._block(item)
                continue
            if claim in lost:
                log.warning("claim_lost", key=claim.key, **_trace_of(claim))
            else:
                self._metrics.observe_lookup(
                    item.completion.outcome, waited_for=claim.is_waited_for
                )
            if not item.saved.done():
                item.saved.set_result(claim not in lost)
        left = held | lost
        _log_movies([item.completion for item in batch if item.completion.claim not in left], saved)


def _log_movies(completions: list[Completion], saved: Saved) -> None:
    """One line for each movie (found: debug, otherwise a warning) and each session completed."""
    by_lookup = {completion.claim.lookup_id: completion for completion in completions}
    counts = {session.session_id: session for session in saved.sessions}
    numbers = _numbers(saved)
    traces: dict[UUID, dict[str, str]] = {}
    for listing in saved.listings:
        completion = by_lookup[listing.lookup_id]
        session = counts.get(listing.session_id)
        if session is None:
            continue
        # This task is nobody's, so each film's trace is told by hand.
        trace = traces[listing.session_id] = _trace_of(completion.claim)
        context = {
            **trace,
            "session_id": str(listing.session_id),
            "key": completion.claim.key,  # all there is of a film that is listed by its id alone
            "title": listing.title,
            "year": listing.year,
            "number": next(numbers[listing.session_id]),
            "total": session.total,
        }
        match completion.outcome:
            case Outcome.FOUND:
                log.debug(
                    "movie_enriched",
                    tmdb_id=completion.tmdb_id,
                    **context,
                )
            case Outcome.NOT_FOUND:
                log.warning("movie_not_found", reason=completion.reason, **context)
            case Outcome.FAILED:
                log.warning("movie_failed", reason=completion.reason, **context)
    for session in saved.sessions:
        if session.status is SessionStatus.COMPLETED:
            log.info(
                "session_completed",
                **traces.get(session.session_id, {}),
                session_id=str(session.session_id),
                total=session.total,
                enriched=session.enriched,
                not_found=session.not_found,
                failed=session.failed,
            )


def _trace_of(claim: Claim) -> dict[str, str]:
    return {"trace_id": claim.trace.trace_id} if claim.trace else {}


def _numbers(saved: Saved) -> dict[UUID, Iterator[int]]:
    """For each session, the numbers of the movies that were just ended, the last one last."""
    listed = Counter(listing.session_id for listing in saved.listings)
    return {
        session.session_id: itertools.count(session.ended - listed[session.session_id] + 1)
        for session in saved.sessions
    }
