"""One film's way through the daemon: resolved, then saved, queued again or released."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import structlog

from enrich_service.lookups import Completion
from enrich_service.matching.lookup_resolver import LookupResolver
from enrich_service.metrics import Retry
from enrich_service.scheduling.change_feed import ChangeFeed
from enrich_service.scheduling.rate_limited_client import RateLimitedClient
from enrich_service.scheduling.retry_backoff import retry_delay
from enrich_service.scheduling.slot_gate import SlotWaitCancelledError
from enrich_service.storage.statement_errors import described
from enrich_service.title_index.warm_up import answer_ahead
from enrich_service.tmdb.errors import KeyRefusedError, TMDBError
from enrich_service.tmdb.requests import discover_movies
from shared.errors import ProjectionistError
from shared.lookup_keys import changes_asked, year_of_survey
from shared.models import Outcome
from shared.tracing.span import Kind

if TYPE_CHECKING:
    from enrich_service.lookups import Claim
    from enrich_service.metrics import Metrics
    from enrich_service.options import WorkerOptions
    from enrich_service.scheduling.circuit_breaker import CircuitBreaker
    from enrich_service.scheduling.completion_saver import CompletionSaver
    from enrich_service.scheduling.request_cost import RequestCostEstimator
    from enrich_service.scheduling.slot_gate import SlotGate
    from enrich_service.storage import StorageService
    from enrich_service.title_index.index import TitleIndex
    from enrich_service.tmdb.client import TMDBClient
    from enrich_service.tmdb.connections import Connection
    from shared.tracing.spans import Tracing

log = structlog.get_logger(__name__)


class LookupTask:
    """Resolves claims one at a time; the error boundary that keeps one film from stopping others.

    Args:
        client: puts requests on the wire.
        storage: queue and window.
        options: attempts and backoff.
        gate: gives slots to requests.
        breaker: says whether a failure is the film's or everybody's.
        saver: saves completions.
        request_costs: is told what each film took.
        index: what is known of titles.
        metrics: is told of films that have to be asked for again.
        tracing: makes a span of each film.
    """

    def __init__(
        self,
        *,
        client: TMDBClient,
        storage: StorageService,
        options: WorkerOptions,
        gate: SlotGate,
        breaker: CircuitBreaker,
        saver: CompletionSaver,
        request_costs: RequestCostEstimator,
        index: TitleIndex,
        metrics: Metrics,
        tracing: Tracing,
    ) -> None:
        self._client = client
        self._storage = storage
        self._options = options
        self._gate = gate
        self._breaker = breaker
        self._saver = saver
        self._request_costs = request_costs
        self._index = index
        self._metrics = metrics
        self._tracing = tracing
        self._changes = ChangeFeed(storage.changes, options.refresh_days)

    async def run(self, claim: Claim, expiry: float, connection: Connection | None = None) -> bool:
        """Resolve one claim: save its answer, queue it again, or release it.

        Args:
            claim: the lookup.
            expiry: of the slot that it was claimed with (`time.monotonic()` seconds).
            connection: for its first request; by default it waits for one.

        Returns:
            False when the claim stays in this worker's name although nobody works on it.
        """
        # Its log lines and its span belong to the request that queued it.
        with (
            self._tracing.span("film", Kind.CONSUMER, claim.trace) as span,
            structlog.contextvars.bound_contextvars(trace_id=span.context.trace_id),
        ):
            span.set_attribute("projectionist.lookup.key", claim.key)
            ask = RateLimitedClient(
                client=self._client,
                gate=self._gate,
                window=self._storage.window,
                rule=self._options.request_limit,
                on_answer=self._breaker.note_answer,
                tracing=self._tracing,
                expiry=expiry,
                connection=connection,
            )
            try:
                await self._resolve(claim, ask)
            except (ProjectionistError, asyncpg.LockNotAvailableError) as error:
                # The claim stays in this worker's name with a token that nobody knows any more; the
                # first heartbeat after the database answers again has it released.
                log.warning("lookup_interrupted", key=claim.key, **described(error))
                return False
            except Exception:
                # Not even its failure could be saved, so it must not come round again at once.
                log.exception("lookup_crashed", key=claim.key)
                await self._storage.queue.release(
                    claim, pause_seconds=self._options.longest_backoff
                )
            finally:
                ask.close()
                if claim.is_waited_for:
                    self._request_costs.observe_requests(ask.spent)
            return True

    async def _resolve(self, claim: Claim, ask: RateLimitedClient) -> None:
        try:
            if survey := year_of_survey(claim.key):
                await self._survey(claim, ask, survey)
                return
            if place := changes_asked(claim.key):
                await self._changes.read(claim, ask, *place)
                return
            completion = await LookupResolver(claim, ask, self._index).run()
            if ask.unused_slot is not None:
                # Before it is saved, for a slot lasts no longer than the margin.
                self._gate.put_back(ask.unused_slot)
                ask.close()
            await self._save(completion)
            if claim.kept and completion.tmdb_id is not None:
                await answer_ahead(self._storage.warm_up, self._index, completion.tmdb_id)
        except KeyRefusedError as error:
            await self._breaker.note_refused_key(error)
            self._metrics.observe_retry(Retry.KEY)
            await self._storage.queue.release(claim)
        except TMDBError as error:
            await self._after_trouble(claim, error)
        except SlotWaitCancelledError:
            log.info("lookup_released", key=claim.key, error="TMDB cannot be reached from here")
            self._metrics.observe_retry(Retry.TMDB)
            await self._storage.queue.release(claim)
        except (ProjectionistError, asyncpg.LockNotAvailableError):
            raise  # the database's trouble, and no film's
        except Exception as error:
            # A defect of ours must not go round for ever: it is charged like a failure of TMDB's.
            log.exception("lookup_crashed", key=claim.key)
            await self._charge(claim, f"internal error: {type(error).__name__}")

    async def _survey(self, claim: Claim, ask: RateLimitedClient, year: int) -> None:
        surveys = self._storage.surveys
        # Queued by a daemon that keeps titles; this one would ask in vain.
        page = await surveys.take(year) if self._options.index_votes else None
        if page is None:
            # The survey has ended, or somebody has its next page in hand: the tick queues it again.
            await surveys.end(claim)
            return
        try:
            answer = await ask(discover_movies(year, page))
            is_last = await self._index.turn_over(year, page, answer)
        except Exception:
            # Whatever it was, the page was not seen: whoever tries again needs no lease to end.
            await surveys.put_back(year, page)
            raise
        if is_last:
            log.info("survey_ended", year=year, pages=page)
            await surveys.end(claim)
        else:
            await surveys.queue_behind(claim)

    async def _after_trouble(self, claim: Claim, error: TMDBError) -> None:
        if not error.retryable:
            log.warning("tmdb_request_refused", key=claim.key, error=str(error))
            await self._fail(claim, str(error))
        elif await self._breaker.is_item_failure():
            await self._charge(claim, str(error))
        else:
            log.info("lookup_released", key=claim.key, error=str(error))
            self._metrics.observe_retry(Retry.TMDB)
            await self._storage.queue.release(claim, pause_seconds=self._options.first_backoff)

    async def _charge(self, claim: Claim, reason: str) -> None:
        attempts = claim.attempts + 1
        if attempts >= self._options.attempts:
            await self._fail(claim, reason)
            return
        backoff = retry_delay(attempts, self._options)
        log.info(
            "lookup_retry", key=claim.key, attempts=attempts, backoff_seconds=backoff, error=reason
        )
        self._metrics.observe_retry(Retry.FILM)
        await self._storage.queue.retry(claim, attempts=attempts, backoff_seconds=backoff)

    async def _save(self, completion: Completion) -> None:
        if await self._saver.save(completion) and completion.claim.is_waited_for:
            self._request_costs.observe_lookup()

    async def _fail(self, claim: Claim, reason: str) -> None:
        is_routine = year_of_survey(claim.key) or changes_asked(claim.key)
        if claim.refreshes is None and not is_routine:
            await self._save(Completion(claim, Outcome.FAILED, reason))
            return
        # An old record is better than none: what was found stays found.
        log.warning("refresh_postponed", key=claim.key, error=reason)
        await self._storage.queue.retry(
            claim, attempts=0, backoff_seconds=self._options.refresh_pause
        )
