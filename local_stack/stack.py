"""The running stack: the stand-in TMDB, the API and any number of daemons over a database.

The launcher, the end-to-end tests and the benchmarks run it, with real processes.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from local_stack.processes import Program, free_port
from shared.alive import reachable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

LIFTED = {
    "CLIENT_UPLOADS": "0",
    "CLIENT_OPEN_UPLOADS": "0",
    "CLIENT_HEAVY_READS": "0",
    "CLIENT_READS_A_MINUTE": "0",
    "CLIENT_EVENT_STREAMS": "0",
    "CLIENT_CONNECTIONS": "0",
    "CLIENT_FILMS_QUEUED": "0",
    "CLIENT_MOVIES_STORED": "0",
    "MAX_CONNECTIONS": "0",
    "MAX_OPEN_UPLOADS": "0",
    "MAX_SESSIONS": "0",
    "MAX_MOVIES_STORED": "0",
    "MAX_FILMS_QUEUED": "0",
}
"""No limits: all clients on this machine share one address."""

STAND_IN_KEY = "0123456789abcdef0123456789abcdef"
"""A well-formed v3 key that only the stand-in accepts."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """Options of the stand-in TMDB.

    Attributes:
        films: number of generated films besides the bundled ones.
        population: generate this many of the best-known films of a simulated TMDB instead.
        latency: seconds before each response.
        limit: requests in any `period`.
        period: seconds.
        revealed: the share of its films that ever appears among recommendations.
        changed: the share of its films that its feed of changes names for each day.
    """

    films: int = 0
    population: int = 0
    latency: float = 0.0
    limit: int = 40
    period: float = 10.0
    revealed: float = 1.0
    changed: float = 0.005


@dataclass(slots=True)
class Stack:
    """The services over an existing, migrated database.

    Attributes:
        dsn: the database.
        api_dsn, daemon_dsn: the same database with that service's own role.
        folder: for the logs.
        stand_in: None for the real TMDB, whose settings are then in `env`.
        env: settings of both services on top of the stack's own, which lift the limits of clients.
        api_host, api_port: where the API listens; port 0 picks a free one.
        daemons: how many to start; `add_daemon` starts more.
    """

    dsn: str
    folder: Path
    stand_in: StandIn | None = field(default_factory=StandIn)
    env: Mapping[str, str] = field(default_factory=dict)
    api_host: str = "127.0.0.1"
    api_port: int = 0
    daemons: int = 1
    api_dsn: str | None = None
    daemon_dsn: str | None = None
    tmdb_url: str = ""
    api: Program = field(init=False)
    workers: list[Program] = field(default_factory=list)
    _exits: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            if self.stand_in is not None:
                await self._start_stand_in(self.stand_in)
            await self._start_api()
            for _ in range(self.daemons):
                await self.add_daemon()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exits.aclose()

    @property
    def api_url(self) -> str:
        """The API's URL on this machine."""
        return f"http://{reachable(self.api_host, self.api_port)}"

    async def add_daemon(self, *, wait: bool = True, **settings: str) -> Program:
        """Start one more daemon, with additional settings."""
        port = free_port()
        listening = {"WORKER_HOST": "127.0.0.1", "WORKER_PORT": str(port)}
        worker = Program(
            "enrich_service",
            env=self._environment(self.daemon_dsn) | listening | settings,
            ready=f"http://127.0.0.1:{port}/readyz",
            log=self.folder / "enrich.log",
        )
        self.workers.append(worker)
        self._exits.push_async_exit(worker)
        await worker.start(wait=wait)
        return worker

    async def _start_stand_in(self, options: StandIn) -> None:
        port = free_port()
        self.tmdb_url = f"http://127.0.0.1:{port}"
        await self._exits.enter_async_context(
            Program(
                "local_stack.tmdb",
                *("--port", str(port)),
                *("--films", str(options.films)),
                *("--population", str(options.population)),
                *("--latency", str(options.latency)),
                *("--limit", str(options.limit)),
                *("--period", str(options.period)),
                *("--revealed", str(options.revealed)),
                *("--changed", str(options.changed)),
                ready=f"{self.tmdb_url}/_stand_in/report",
                log=self.folder / "tmdb.log",
            )
        )

    async def _start_api(self) -> None:
        self.api_port = self.api_port or free_port()
        listening = {"API_HOST": self.api_host, "API_PORT": str(self.api_port)}
        self.api = Program(
            "api_service",
            env=self._environment(self.api_dsn) | listening,
            ready=f"{self.api_url}/readyz",
            log=self.folder / "api.log",
        )
        await self._exits.enter_async_context(self.api)

    def _environment(self, dsn: str | None) -> dict[str, str]:
        stand_in = (
            {
                # Without the title index, so that request counts are predictable.
                "INDEX_VOTES": "0",
                "TMDB_API_KEY": STAND_IN_KEY,
                "TMDB_BASE_URL": self.tmdb_url,
                "TMDB_IMAGE_BASE_URL": f"{self.tmdb_url}/t/p",
            }
            if self.stand_in is not None
            else {}
        )
        return {"DATABASE_URL": dsn or self.dsn, **LIFTED, **stand_in, **self.env}
