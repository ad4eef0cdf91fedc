"""Metrics of the API, and of the fleet as the database shows it.

The fleet's figures are exported here and not by daemons, so that they are there when no daemon is.
Every API tells the same of them: take the largest, never the sum.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from aiohttp import hdrs
from prometheus_client import Counter, Histogram
from prometheus_client.registry import Collector

from api_service.errors import (
    BodyTooSlowError,
    ClientLimitError,
    CrossSiteError,
    ParsersBusyError,
    ServiceFullError,
    UnreadableListError,
    UploadTokenError,
    UploadTooCostlyError,
)
from api_service.uploads.parser_pool import ParserCrashed
from shared.errors import StorageFullError
from shared.metrics import OTHER, ServiceMetrics, by_label, gauge
from shared.models import TMDBState

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from aiohttp import web
    from prometheus_client import Metric

    from api_service.storage.fleet import FleetRow
    from api_service.uploads.disk_budget import DiskBudget
    from shared.metrics import Recent

UNMATCHED = "unmatched"
"""The route of requests that fit none."""
CANCELLED = "cancelled"
"""The status of requests whose client went away before the answer had ended."""
REFUSED_READS = (UnreadableListError, UploadTooCostlyError, ParsersBusyError, ParserCrashed)
_METHODS = frozenset(
    {hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_POST, hdrs.METH_PUT, hdrs.METH_DELETE}
)
_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_UPLOAD_SECONDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_UPLOAD_BYTES = tuple(1024 * 4**power for power in range(9))
"""From one kilobyte to 64 megabytes."""


REFUSALS = (
    ClientLimitError,
    ServiceFullError,
    StorageFullError,
    BodyTooSlowError,
    UploadTokenError,
    CrossSiteError,
)
"""What is refused to bound the service, whatever the request says."""


class UploadPhase(StrEnum):
    """What an upload's time goes into."""

    RECEIVE = "receive"
    """The client sends it."""
    READ = "read"
    """A parser reads it, or it waits for one."""
    STORE = "store"
    """PostgreSQL takes it."""


class Metrics(ServiceMetrics):
    """The instruments of one application."""

    def __init__(self) -> None:
        super().__init__()
        self._requests = Counter(
            "projectionist_http_requests",
            "Requests by the route that they fit and the status of their answer.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "projectionist_http_request_duration_seconds",
            "Time from a request's head to its answer; streams of events are left out.",
            ("route",),
            buckets=_REQUEST_SECONDS,
            registry=self.registry,
        )
        self._upload_bytes = Histogram(
            "projectionist_upload_size_bytes",
            "Bytes of all files of an upload, as they were sent.",
            buckets=_UPLOAD_BYTES,
            registry=self.registry,
        )
        self._upload_seconds = Histogram(
            "projectionist_upload_duration_seconds",
            "Time that an upload takes, in its phases.",
            ("phase",),
            buckets=_UPLOAD_SECONDS,
            registry=self.registry,
        )
        for phase in UploadPhase:
            self._upload_seconds.labels(phase)
        self._refused_reads = Counter(
            "projectionist_refused_reads",
            "Uploads that were taken in and not read, by the code of the problem.",
            ("code",),
            registry=self.registry,
        )
        for error in REFUSED_READS:
            self._refused_reads.labels(error.code)
        refusals = Counter(
            "projectionist_requests_refused",
            "Requests that were refused to bound what strangers can use, by the problem's code.",
            ("code",),
            registry=self.registry,
        )
        self._refused_connections = Counter(
            "projectionist_connections_refused",
            "Connections that were closed at once, for one client or all have as many as they may.",
            ("code",),
            registry=self.registry,
        )
        for code in (ClientLimitError.code, ServiceFullError.code):
            self._refused_connections.labels(code)
        self._refusals = {error.code: refusals.labels(error.code) for error in REFUSALS}
        # Every request asks for these, and finding a series by its labels is most of the work.
        self._counter_of = cache(self._requests.labels)
        self._histogram_of = cache(self._seconds.labels)

    def observe_request(self, request: web.Request, status: str, seconds: float | None) -> None:
        """Count an answered request and its duration.

        Args:
            request: which one.
            status: of its answer, or `CANCELLED`.
            seconds: that it took; None where that says nothing.
        """
        resource = request.match_info.route.resource
        route = resource.canonical if resource else UNMATCHED
        method = request.method if request.method in _METHODS else OTHER
        self._counter_of(method, route, status).inc()
        if seconds is not None:
            self._histogram_of(route).observe(seconds)

    def observe_refusal(self, code: str) -> bool:
        """Count a refusal with this code; return whether a limit of the service caused it."""
        if code not in self._refusals:
            return False
        self._refusals[code].inc()
        return True

    def observe_refused_connection(self, code: str) -> None:
        """Count a connection refused with this code."""
        self._refused_connections.labels(code).inc()

    def observe_upload(self, size: int) -> None:
        """Count an upload and its bytes."""
        self._upload_bytes.observe(size)

    def upload_phase(self, phase: UploadPhase) -> AbstractContextManager[object]:
        """Measure the time within the context."""
        return self._upload_seconds.labels(phase).time()

    @contextmanager
    def refused_reads(self) -> Iterator[None]:
        """Count a read that ends with a refusal."""
        try:
            yield
        except REFUSED_READS as error:
            self._refused_reads.labels(error.code).inc()
            raise

    def watch_process(self, process: ProcessState) -> None:
        """Export what is under way in this process."""
        self.registry.register(_Process(process))

    def watch_fleet(self, read: Callable[[], Awaitable[tuple[FleetRow, int]]], limit: int) -> None:
        """Export the fleet's state.

        Args:
            read: the fleet, and how many daemons are alive.
            limit: requests in any period.
        """
        self.registry.register(_Fleet(self.recent(read), limit))

    def watch_snapshots(self, read: Callable[[], Awaitable[float]]) -> None:
        """Export what holds vacuum back.

        Args:
            read: the age of the oldest snapshot, in seconds.
        """
        self.registry.register(_Snapshots(self.recent(read)))


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What is under way in this process, each read at the moment of a scrape.

    Attributes:
        connections: that are open.
        streams: of events that are open.
        uploads: under way, from their first byte to their answer.
        waiting_reads: uploads that wait for a parser, by their size.
        disk: the room for uploads.
    """

    connections: Callable[[], int]
    streams: Callable[[], int]
    uploads: Callable[[], int]
    waiting_reads: Callable[[], Mapping[str, int]]
    disk: DiskBudget


class _Scraped(Collector):
    """A collector whose metrics are known when they are scraped, and not before."""

    def describe(self) -> Iterable[Metric]:
        return ()


class _Process(_Scraped):
    """What is under way in this process, and the disk of its uploads unless that is gone."""

    def __init__(self, process: ProcessState) -> None:
        self._process = process

    def collect(self) -> Iterator[Metric]:
        now, disk = self._process, self._process.disk
        yield gauge("projectionist_http_connections", "Open connections.", now.connections())
        yield gauge("projectionist_event_streams", "Open streams of events.", now.streams())
        yield gauge("projectionist_uploads_open", "Uploads under way.", now.uploads())
        yield gauge(
            "projectionist_uploads_waiting", "Uploads under way that wait for room.", disk.waiting
        )
        yield by_label(
            "projectionist_waiting_reads",
            "Uploads that wait for a process that reads lists, by their size.",
            "size",
            dict(now.waiting_reads()),
        )
        yield by_label(
            "projectionist_upload_room_bytes",
            "Room for uploads in the temporary folder, as far as it is reserved or free.",
            "state",
            {"reserved": disk.reserved, "free": disk.total - disk.reserved},
        )
        try:
            there = shutil.disk_usage(tempfile.gettempdir())
        except OSError:
            return
        yield by_label(
            "projectionist_temporary_disk_bytes",
            "The disk on which the temporary folder is.",
            "state",
            {"used": there.used, "free": there.free},
        )


class _Fleet(_Scraped):
    """The fleet, its queue and its budget; nothing while the database does not tell."""

    def __init__(self, recent: Recent[tuple[FleetRow, int]], limit: int) -> None:
        self._recent = recent
        self._limit = limit

    def collect(self) -> Iterator[Metric]:
        yield gauge(
            "projectionist_budget_limit_requests",
            "Requests that all daemons together may send in any period.",
            self._limit,
        )
        if self._recent.value is None:
            return
        fleet, alive = self._recent.value
        yield gauge("projectionist_fleet_workers", "Daemons that are alive.", alive)
        yield gauge(
            "projectionist_fleet_paused",
            "Whether the fleet is paused.",
            fleet.paused_since is not None,
        )
        yield by_label(
            "projectionist_fleet_tmdb_state",
            "What TMDB is to the fleet: 1 for the state that it is in.",
            "state",
            {state: fleet.tmdb_state is state for state in TMDBState},
        )
        yield by_label(
            "projectionist_queue_lookups",
            "Lookups that want work: those somebody waits for, those nobody does, those in hand.",
            "kind",
            {
                "waiting": fleet.queued,
                "background": fleet.background,
                "in_flight": fleet.claimed,
            },
        )
        yield by_label(
            "projectionist_queue_oldest_wait_seconds",
            "For how long the lookup that has been due longest is due; 0 where none is.",
            "kind",
            {
                "waiting": fleet.oldest_wait or 0,
                "background": fleet.oldest_background_wait or 0,
                "in_flight": fleet.oldest_claimed_wait or 0,
            },
        )
        yield gauge(
            "projectionist_budget_used_requests",
            "Requests that were allowed in the last period.",
            fleet.requests_in_period,
        )
        yield gauge(
            "projectionist_budget_hold_seconds",
            "How long TMDB asked to be left alone from now on; 0 where it did not.",
            fleet.held_for or 0,
        )
        yield gauge(
            "projectionist_budget_share",
            "How much of the budget the fleet uses, 1 being all; less for minutes after a 429.",
            fleet.share,
        )


class _Snapshots(_Scraped):
    """What holds vacuum back; nothing while the database does not tell."""

    def __init__(self, age: Recent[float]) -> None:
        self._age = age

    def collect(self) -> Iterator[Metric]:
        if self._age.value is not None:
            yield gauge(
                "projectionist_database_oldest_snapshot_seconds",
                "For how long this process has seen vacuum held back; 0 where it is not.",
                self._age.value,
            )
