"""What a daemon counts: lookups, requests to TMDB, waits for the budget, retries, and its tick."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

from prometheus_client import Counter, Histogram
from prometheus_client.registry import Collector

from enrich_service.lookups import GuessResult
from enrich_service.tmdb.errors import MalformedError, Trouble, UnavailableError
from shared.metrics import OTHER, ServiceMetrics, by_label, gauge
from shared.models import Outcome, TMDBState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client import Metric

    from enrich_service.status import WorkerStatus
    from enrich_service.tmdb.errors import TMDBError

_REQUEST_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_WAIT_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_STATUSES = frozenset(int(status) for status in HTTPStatus)


class Retry(StrEnum):
    """Why a film has to be asked for again."""

    FILM = "film"
    """It failed by itself, which counts as an attempt."""
    TMDB = "tmdb"
    """TMDB was in trouble, or cannot be reached from here; no attempt is counted."""
    KEY = "key"
    """The key was refused; no attempt is counted."""


class ExportLoad(StrEnum):
    """How an attempt to load TMDB's daily export ended."""

    LOADED = "loaded"
    MISSING = "missing"
    """There was none that is newer than ours."""
    FAILED = "failed"


class Metrics(ServiceMetrics):
    """The instruments of one daemon."""

    def __init__(self) -> None:
        super().__init__()
        self._lookups = Counter(
            "projectionist_lookups",
            "Lookups that have ended, by outcome, and whether anybody waited for them.",
            ("outcome", "kind"),
            registry=self.registry,
        )
        for outcome in Outcome:
            for kind in ("waiting", "background"):
                self._lookups.labels(outcome, kind)
        self._requests = Counter(
            "projectionist_tmdb_requests",
            "Requests sent to TMDB, by the status of the answer or what came in its place.",
            ("route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "projectionist_tmdb_request_duration_seconds",
            "Time from sending a request to TMDB to the end of its answer, connecting included.",
            ("route",),
            buckets=_REQUEST_SECONDS,
            registry=self.registry,
        )
        self._waits = Histogram(
            "projectionist_budget_wait_seconds",
            "Time that a request of a film in flight waits for its slot of the budget.",
            buckets=_WAIT_SECONDS,
            registry=self.registry,
        )
        self._retries = Counter(
            "projectionist_film_retries",
            "Films that have to be asked for again, by why.",
            ("cause",),
            registry=self.registry,
        )
        for cause in Retry:
            self._retries.labels(cause)

        self._guesses = Counter(
            "projectionist_title_guesses",
            "Films asked for without a search because the export suggests them, by result.",
            ("result",),
            registry=self.registry,
        )
        for guess in GuessResult:
            self._guesses.labels(guess)
        self._exports = Counter(
            "projectionist_export_loads",
            "Attempts to load TMDB's daily export.",
            ("result",),
            registry=self.registry,
        )
        for result in ExportLoad:
            self._exports.labels(result)

    def observe_lookup(self, outcome: Outcome, *, waited_for: bool) -> None:
        """A lookup has ended and is saved."""
        self._lookups.labels(outcome, "waiting" if waited_for else "background").inc()

    def note_request(self, route: str, seconds: float, error: TMDBError | None) -> None:
        """A request was sent to TMDB, and answered unless the error says otherwise.

        Args:
            route: its label, which holds no id.
            seconds: that it took.
            error: None where the answer is good.
        """
        self._requests.labels(route, _status(error)).inc()
        self._seconds.labels(route).observe(seconds)

    def observe_wait(self, seconds: float) -> None:
        """A request has waited so long for its slot."""
        self._waits.observe(seconds)

    def observe_retry(self, cause: Retry) -> None:
        """A film has to be asked for again."""
        self._retries.labels(cause).inc()

    def observe_guess(self, result: GuessResult) -> None:
        """A film was asked for because the export suggests it, before any search."""
        self._guesses.labels(result).inc()

    def observe_export(self, result: ExportLoad) -> None:
        """An attempt to load the export has ended."""
        self._exports.labels(result).inc()

    def watch_worker(self, status: Callable[[], WorkerStatus], concurrency: int) -> None:
        """Tell how the worker is.

        Args:
            status: what it says of itself.
            concurrency: films that it has in flight at most.
        """
        self.registry.register(_Worker(status, concurrency))


class _Worker(Collector):
    """The worker as it is at the moment of a scrape."""

    def __init__(self, status: Callable[[], WorkerStatus], concurrency: int) -> None:
        self._status = status
        self._concurrency = concurrency

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        yield gauge("projectionist_films_in_flight", "Films being looked up.", status.in_flight)
        yield gauge(
            "projectionist_films_in_flight_limit", "Films in flight at most.", self._concurrency
        )
        yield gauge(
            "projectionist_films_blocked",
            "Films answered that wait until others let go of their rows.",
            status.blocked,
        )
        yield gauge("projectionist_worker_running", "Whether its scheduler runs.", status.running)
        yield gauge(
            "projectionist_tick_lag_seconds",
            "By how much the fallback tick is late; 0 while it is on time.",
            status.tick_lag,
        )
        yield gauge(
            "projectionist_tick_interval_seconds", "Time between two ticks.", status.interval
        )
        yield by_label(
            "projectionist_worker_tmdb_state",
            "What TMDB is to this daemon: 1 for the state that it is in.",
            "state",
            {state: status.tmdb_state is state for state in TMDBState},
        )


def _status(error: TMDBError | None) -> str:
    """The status in a word: HTTP's number, or what came in the place of an answer."""
    if error is None:
        return str(HTTPStatus.OK.value)
    if isinstance(error, MalformedError) or error.http_status == HTTPStatus.OK:
        return error.code  # no good answer, whatever its status says
    if isinstance(error, UnavailableError) and error.kind is not Trouble.SERVER_ERROR:
        return error.kind
    return str(error.http_status) if error.http_status in _STATUSES else OTHER
