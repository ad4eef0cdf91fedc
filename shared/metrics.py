"""What both services tell Prometheus: the process, the version, the pool, the listener, readiness.

Each service adds its own instruments. Every application has a registry of its own, so that several
of them in one process count apart.
"""

from __future__ import annotations

import asyncio
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

import structlog
from aiohttp import hdrs, web
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from shared.errors import DatabaseUnavailableError, ProjectionistError
from shared.postgres.read_only import is_read_only

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from prometheus_client import Metric

    from shared.http.probes import Probes
    from shared.postgres.database import Database
    from shared.postgres.listener import Listener

FRESH_SECONDS = 5.0
"""How old what was read from the database may be: however many scrape, it is read no more often."""
RESTS = 100
"""A reading that takes long rests for so many times as long, so that a long queue, which takes tens
of milliseconds to count, is counted for a hundredth of the time at most."""
READING_SECONDS = 2.0
"""How long a scrape waits for the database; then the series that come from there are left out."""
OTHER = "other"
"""Label for what is not one of the known ones, so that nobody can make up series."""

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Recent(Generic[T]):
    """Something read from the database: at most some seconds old, and never waited for long.

    A reading that takes too long is left to itself and not begun anew: over a silent connection
    even cancelling it would have to be waited for.

    Args:
        read: reads it.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._reading: asyncio.Task[None] | None = None
        self._old_at = float("-inf")
        self._value: T | None = None
        self._said: str | None = None

    @property
    def value(self) -> T | None:
        """What was read; None where it could not be, or not for some time now."""
        return self._value if time.monotonic() < self._old_at + READING_SECONDS else None

    async def refresh(self) -> None:
        """Read it again if it is old; returns in `READING_SECONDS` whatever happens."""
        if time.monotonic() < self._old_at:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read_now())
        await asyncio.wait({self._reading}, timeout=READING_SECONDS)

    async def _read_now(self) -> None:
        value, said, rest = None, None, 0.0
        started = time.monotonic()
        try:
            value = await self._read()
            rest = RESTS * (time.monotonic() - started)
        except ProjectionistError as error:
            said = error.detail
            if said != self._said:
                log.warning("scrape_incomplete", code=error.code, error=said)
        except Exception:  # a defect in one part must not take the others away
            log.exception("scrape_crashed")
        self._value, self._said = value, said
        self._old_at = time.monotonic() + max(FRESH_SECONDS, rest)

    def close(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()


class ServiceMetrics:
    """A registry with what every service tells, and the answer to a scrape."""

    def __init__(self) -> None:
        # The time of each counter's birth would double the series.
        disable_created_metrics()  # type: ignore[no-untyped-call]  # the library's own lack
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        Info("projectionist_build", "The program that runs.", registry=self.registry).info(
            {"version": version("projectionist")}
        )
        self._recent: list[Recent[Any]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for recent in self._recent:
            recent.close()

    def watch(self, database: Database, listener: Listener, probes: Probes) -> None:
        """Tell of the parts that every service has."""
        usable = self.recent(lambda: _is_usable(database))
        self.registry.register(_Parts(database, listener, probes, usable))

    def recent(self, read: Callable[[], Awaitable[T]]) -> Recent[T]:
        """What this reads is looked at before each scrape."""
        recent = Recent(read)
        self._recent.append(recent)
        return recent

    async def answer(self) -> web.Response:
        """The answer to a scrape, in the plain format, which every scraper reads.

        https://prometheus.io/docs/instrumenting/exposition_formats/
        """
        await asyncio.gather(*(recent.refresh() for recent in self._recent))
        return web.Response(
            body=generate_latest(self.registry),
            headers={hdrs.CONTENT_TYPE: CONTENT_TYPE_PLAIN_0_0_4, hdrs.CACHE_CONTROL: "no-store"},
        )


class _Parts(Collector):
    """The database, its pool and the listener, as they are at the moment of a scrape."""

    def __init__(
        self, database: Database, listener: Listener, probes: Probes, usable: Recent[bool]
    ) -> None:
        self._database = database
        self._listener = listener
        self._probes = probes
        self._usable = usable

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterator[Metric]:
        is_usable = self._usable.value
        yield gauge(
            "projectionist_database_up", "Whether PostgreSQL answers.", is_usable is not None
        )
        yield gauge(
            "projectionist_ready",
            "Whether /readyz is green: the schema is there, can be written to, and nothing drains.",
            bool(is_usable) and self._probes.held_back is None,
        )
        use = self._database.pool_use
        yield by_label(
            "projectionist_database_connections",
            "Open connections of the pool.",
            "state",
            {"in_use": use.in_use, "idle": use.idle},
        )
        yield gauge(
            "projectionist_database_connections_limit", "Connections of the pool at most.", use.most
        )
        yield gauge(
            "projectionist_listener_connected",
            "Whether notifications arrive.",
            self._listener.connected,
        )
        reconnects = CounterMetricFamily(
            "projectionist_listener_reconnects", "Connections for LISTEN that were made anew."
        )
        reconnects.add_metric([], max(self._listener.reconnects, 0))
        yield reconnects


def gauge(name: str, help_text: str, value: float) -> GaugeMetricFamily:
    """A gauge of one series."""
    return GaugeMetricFamily(name, help_text, value=float(value))


def by_label(name: str, help_text: str, label: str, values: dict[str, float]) -> GaugeMetricFamily:
    """A gauge of one series for each value of a label."""
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], float(number))
    return family


async def _is_usable(database: Database) -> bool:
    try:
        await database.check_schema()
    except DatabaseUnavailableError:
        raise
    except ProjectionistError:
        return False
    return not await is_read_only(database)
