"""One film's way through the daemon: asked for, then saved, queued again or given back."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import asyncpg
import structlog

from enrich_service.asking import BudgetedAsk
from enrich_service.course import Course
from enrich_service.gate import TurnedAwayError
from enrich_service.metrics import Retry
from enrich_service.storage.completions import Completion
from enrich_service.storage.failures import described
from enrich_service.tmdb.errors import KeyRefusedError, TMDBError
from enrich_service.warm_up import answer_ahead
from shared.errors import ProjectionistError
from shared.lookup_keys import year_of_survey
from shared.models import Outcome
from shared.tracing import Kind

if TYPE_CHECKING:
    from enrich_service.gate import RequestGate
    from enrich_service.health import TMDBHealth
    from enrich_service.metrics import Metrics
    from enrich_service.options import WorkerOptions
    from enrich_service.saver import Saver
    from enrich_service.spending import Spending
    from enrich_service.storage import StorageService
    from enrich_service.storage.queue import Claim
    from enrich_service.title_index import TitleIndex
    from enrich_service.tmdb.client import TMDBClient
    from enrich_service.tmdb.connections import Connection
    from shared.tracing import Tracing

log = structlog.get_logger(__name__)


class Films:
    """Sees claims through; every error of one film ends here, so that it stops no other.

    Args:
        client: puts requests on the wire.
        storage: queue and window.
        options: attempts and backoff.
        gate: gives slots to requests.
        health: says whose fault a failure is.
        saver: saves completions.
        spending: is told what each film took.
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
        gate: RequestGate,
        health: TMDBHealth,
        saver: Saver,
        spending: Spending,
        index: TitleIndex,
        metrics: Metrics,
        tracing: Tracing,
    ) -> None:
        self._client = client
        self._storage = storage
        self._options = options
        self._gate = gate
        self._health = health
        self._saver = saver
        self._spending = spending
        self._index = index
        self._metrics = metrics
        self._tracing = tracing

    async def see_through(
        self, claim: Claim, expiry: float, connection: Connection | None = None
    ) -> bool:
        """See one claim to its end: saved, queued again, or given back.

        Args:
            claim: the lookup.
            expiry: of the slot that it was claimed with (`time.monotonic()` seconds).
            connection: for its first request; by default it waits for one.

        Returns:
            Whether it came to its end: else the claim stays in our name, and nobody works on it.
        """
        # What is logged of it, and its span, belong to the request that queued it.
        with (
            self._tracing.span("film", Kind.CONSUMER, claim.trace) as span,
            structlog.contextvars.bound_contextvars(trace_id=span.context.trace_id),
        ):
            span.note("projectionist.lookup.key", claim.key)
            return await self._see_through(claim, expiry, connection)

    async def _see_through(
        self, claim: Claim, expiry: float, connection: Connection | None
    ) -> bool:
        ask = BudgetedAsk(
            client=self._client,
            gate=self._gate,
            window=self._storage.window,
            rule=self._options.request_limit,
            health=self._health,
            tracing=self._tracing,
            expiry=expiry,
            connection=connection,
        )
        try:
            await self._attempt(claim, ask)
        except (ProjectionistError, asyncpg.LockNotAvailableError) as error:
            # The claim stays in our name with a token that nobody knows any more: what comes after
            # the next heartbeat gives it back as soon as the database answers.
            log.warning("film_interrupted", key=claim.key, **described(error))
            return False
        except Exception:
            # Not even its failure could be saved: it must not come round again at once.
            log.exception("film_defect", key=claim.key)
            await self._storage.queue.give_back(claim, pause_seconds=self._options.longest_backoff)
        finally:
            ask.close()
            if claim.is_waited_for:
                self._spending.note_requests(ask.spent)
        return True

    async def _attempt(self, claim: Claim, ask: BudgetedAsk) -> None:
        try:
            course = Course(claim, ask, self._index)
            if survey := year_of_survey(claim.key):
                await self._survey(claim, course, survey)
                return
            completion = await course.run()
            if ask.unused is not None:
                # Before it is saved, for a slot lasts no longer than the margin.
                self._gate.put_back(ask.unused)
                ask.close()
            await self._save(completion)
            if claim.kept and completion.tmdb_id is not None:
                await answer_ahead(self._storage.warm_up, self._index, completion.tmdb_id)
        except KeyRefusedError as error:
            await self._health.note_refused_key(error)
            self._metrics.note_retry(Retry.KEY)
            await self._storage.queue.give_back(claim)
        except TMDBError as error:
            await self._after_trouble(claim, error)
        except TurnedAwayError:
            log.info("film_given_back", key=claim.key, error="TMDB cannot be reached from here")
            self._metrics.note_retry(Retry.TMDB)
            await self._storage.queue.give_back(claim)
        except (ProjectionistError, asyncpg.LockNotAvailableError):
            raise  # the database's trouble, and no film's
        except Exception as error:
            # A defect of ours must not go round for ever: it is charged like a failure of TMDB's.
            log.exception("film_defect", key=claim.key)
            await self._charge(claim, f"internal error: {type(error).__name__}")

    async def _survey(self, claim: Claim, course: Course, year: int) -> None:
        surveys = self._storage.surveys
        # Queued by a daemon that keeps titles; this one would ask in vain.
        page = await surveys.take(year) if self._options.index_votes else None
        if page is None:
            # The survey has ended, or somebody has its next page in hand: the tick queues it again.
            await surveys.end(claim)
            return
        try:
            is_last = await course.survey(year, page)
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
        elif await self._health.film_is_to_blame():
            await self._charge(claim, str(error))
        else:
            log.info("film_given_back", key=claim.key, error=str(error))
            self._metrics.note_retry(Retry.TMDB)
            await self._storage.queue.give_back(claim, pause_seconds=self._options.first_backoff)

    async def _charge(self, claim: Claim, reason: str) -> None:
        attempts = claim.attempts + 1
        if attempts >= self._options.attempts:
            await self._fail(claim, reason)
            return
        longest = min(
            self._options.first_backoff * 2 ** (attempts - 1), self._options.longest_backoff
        )
        backoff = longest * random.uniform(0.5, 1)  # noqa: S311  # jitter, no secret
        log.info(
            "film_retry", key=claim.key, attempts=attempts, backoff_seconds=backoff, error=reason
        )
        self._metrics.note_retry(Retry.FILM)
        await self._storage.queue.retry(claim, attempts=attempts, backoff_seconds=backoff)

    async def _save(self, completion: Completion) -> None:
        if await self._saver.save(completion) and completion.claim.is_waited_for:
            self._spending.note_end()

    async def _fail(self, claim: Claim, reason: str) -> None:
        if claim.refreshes is None and not year_of_survey(claim.key):
            await self._save(Completion(claim, Outcome.FAILED, reason))
            return
        # An old record is better than none: what was found stays found.
        log.warning("refresh_postponed", key=claim.key, error=reason)
        await self._storage.queue.retry(
            claim, attempts=0, backoff_seconds=self._options.refresh_pause
        )
