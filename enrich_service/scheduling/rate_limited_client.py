"""The requests of one film, each within the budget; a 429 holds and slows the whole fleet."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from enrich_service.storage.window_holds import LONGEST_HOLD_SECONDS
from enrich_service.tmdb.client import AskAgainError
from enrich_service.tmdb.errors import NotFoundError, RateLimitedError, RefusedError, TMDBError
from shared.tracing.span import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from enrich_service.scheduling.slot_gate import SlotGate
    from enrich_service.storage.request_limit import RequestLimit
    from enrich_service.storage.window import WindowStorage
    from enrich_service.tmdb.client import TMDBClient
    from enrich_service.tmdb.connections import Connection
    from enrich_service.tmdb.requests import T_co, TMDBRequest
    from shared.tracing.spans import Tracing

log = structlog.get_logger(__name__)


class RateLimitedClient:
    """Sends the requests of one film, each with a slot of its own.

    Args:
        client: puts them on the wire.
        gate: gives slots.
        window: is held back after a 429.
        rule: how long a 429 without Retry-After holds: one period.
        on_answer: called with the time at which an answered request was sent.
        tracing: makes a span of each request.
        expiry: of the slot that the film was claimed with (`time.monotonic()` seconds).
        connection: for the first request; by default it waits for one, as the others do.
    """

    def __init__(
        self,
        *,
        client: TMDBClient,
        gate: SlotGate,
        window: WindowStorage,
        rule: RequestLimit,
        on_answer: Callable[[float], Awaitable[None]],
        tracing: Tracing,
        expiry: float,
        connection: Connection | None = None,
    ) -> None:
        self._client = client
        self._gate = gate
        self._window = window
        self._rule = rule
        self._on_answer = on_answer
        self._tracing = tracing
        self._expiry: float | None = expiry
        self._connection = connection
        self.spent = 0
        """Slots of the budget that it took so far."""

    @property
    def unused_slot(self) -> float | None:
        """The expiry of the slot that the film was claimed with, while it was not used."""
        return self._expiry

    def close(self) -> None:
        """Release the connection of a film that needed none."""
        if self._connection is not None:
            self._client.connections.release(self._connection)
            self._connection = None

    async def __call__(self, request: TMDBRequest[T_co], /) -> T_co:
        """Send it as soon as the budget allows; after a 429 again, which costs no attempt.

        Raises:
            TMDBError: as `TMDBClient.send`, but never RateLimitedError.
        """
        while True:
            held, self._connection = self._connection, None
            try:
                async with self._client.connection(held) as connection:
                    latest = await self._gate.acquire(self._expiry)
                    self._expiry = None
                    self.spent += 1
                    sent_at = time.monotonic()
                    answer = await self._send(request, latest, connection)
            except AskAgainError:
                continue
            except RateLimitedError as error:
                await hold_back(self._window, self._rule, error)
            except (NotFoundError, RefusedError):
                await self._on_answer(sent_at)
                raise
            else:
                await self._on_answer(sent_at)
                return answer

    async def _send(
        self, request: TMDBRequest[T_co], latest: float, connection: Connection
    ) -> T_co:
        with self._tracing.span(f"GET {request.route}", Kind.CLIENT) as span:
            try:
                return await self._client.send(request, latest=latest, connection=connection)
            except TMDBError as error:
                span.fail(str(error))
                raise


async def hold_back(window: WindowStorage, rule: RequestLimit, error: RateLimitedError) -> None:
    """Hold the whole fleet after a 429, by Retry-After or for one period, and halve its rate."""
    seconds = rule.period if error.retry_after is None else error.retry_after
    seconds = min(seconds, LONGEST_HOLD_SECONDS)
    log.warning("tmdb_rate_limited", route=error.route, hold_seconds=seconds)
    await window.hold(seconds)
