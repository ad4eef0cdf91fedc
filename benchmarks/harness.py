"""What every benchmark stands on: a PostgreSQL of its own, the stack, and a client for both."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg

from benchmarks.figures import table
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import ROOT, migrate
from local_stack.samples.title_list import write_title_list
from local_stack.stack import Stack, StandIn

if TYPE_CHECKING:
    import argparse
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence

    from benchmarks.figures import Figure
    from local_stack.tmdb.film import Film

RAISED_LIMIT = 200
"""Requests a second where the budget must not be what is measured."""

RAISED_SETTINGS = {"TMDB_RATE_LIMIT": str(RAISED_LIMIT), "TMDB_RATE_PERIOD": "1"}
_POLL_SECONDS = 0.1


class BenchmarkError(RuntimeError):
    """What was to be measured did not happen; the text says what did."""


def raised(*, films: int = 0, latency: float = 0.0) -> StandIn:
    """A stand-in that admits the raised limit; for services with `RAISED_SETTINGS`."""
    return StandIn(films=films, latency=latency, limit=RAISED_LIMIT, period=1.0)


class Room:
    """Where one benchmark happens: a folder and a PostgreSQL (fsync on) of its own."""

    def __init__(self, folder: Path, server: EmbeddedPostgres) -> None:
        self.folder = folder
        self.server = server
        self._numbers = count(1)

    async def fresh_database(self) -> str:
        """Make a migrated database; its address."""
        name = f"benchmark_{next(self._numbers)}"
        await execute(self.server.dsn(), f"create database {name}")
        await migrate(self.server.dsn(name))
        return self.server.dsn(name)

    def write_list(self, films: Iterable[Film]) -> Path:
        """A list of titles and years, in a file of its own."""
        path = self.folder / f"list-{next(self._numbers)}.csv"
        write_title_list(path, films)
        return path

    @contextlib.asynccontextmanager
    async def stack(
        self, stand_in: StandIn, env: dict[str, str] | None = None, *, daemons: int = 1
    ) -> AsyncIterator[Bench]:
        """The services over a fresh database, and a client for them."""
        dsn = await self.fresh_database()
        logs = self.folder / f"logs-{next(self._numbers)}"
        stack = Stack(dsn, logs, stand_in=stand_in, env=env or {}, daemons=daemons)
        async with stack, aiohttp.ClientSession() as http:
            yield Bench(stack, http)


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was taken: how long its answer took (seconds), and the answer."""

    seconds: float
    answer: dict[str, Any]

    @property
    def session_id(self) -> str:
        """Of the session that it made."""
        return str(self.answer["session_id"])


@dataclass(frozen=True, slots=True)
class Enriched:
    """A list that went the whole way.

    Attributes:
        session_id: its session.
        seconds: from the upload's first byte to `completed_at`, by the machine's one clock.
        status: the session's, in the end.
        report: the stand-in's.
    """

    session_id: str
    seconds: float
    status: dict[str, Any]
    report: dict[str, Any]

    @property
    def outcomes(self) -> str:
        """Its counts, to be read."""
        names = ("enriched_count", "not_found_count", "failed_count")
        parts = " + ".join(str(self.status[name]) for name in names)
        return f"{parts} of {self.status['total_movies']}"


class Bench:
    """A running stack with a client for its public API, its database and the stand-in."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.http = http

    async def upload(self, path: Path, *, address: str | None = None) -> Upload:
        """Upload a list as the body itself.

        Args:
            path: the list.
            address: in 127.0.0.0/8, where it is to be that of another client.

        Raises:
            BenchmarkError: it was refused.
        """
        if address is None:
            return await self._upload(self.http, path)
        async with at_address(address) as http:
            return await self._upload(http, path)

    async def _upload(self, http: aiohttp.ClientSession, path: Path) -> Upload:
        with path.open("rb") as body:
            start = time.perf_counter()
            async with http.post(
                f"{self.stack.api_url}/api/upload", data=body, headers={"Content-Type": "text/csv"}
            ) as response:
                text = await response.text()
            seconds = time.perf_counter() - start
        if response.status != 201:  # noqa: PLR2004  # HTTP's own number
            raise BenchmarkError(f"the upload was answered {response.status}: {text}")
        return Upload(seconds, json.loads(text))

    async def get(self, path: str) -> dict[str, Any]:
        """A JSON answer of the API."""
        async with self.http.get(self.stack.api_url + path, raise_for_status=True) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    async def wait_until_completed(self, session_id: str) -> dict[str, Any]:
        """Poll a session's status until it is `completed`; that status.

        Raises:
            BenchmarkError: a service ended meanwhile.
        """
        while all(program.running for program in (self.stack.api, *self.stack.workers)):
            status = await self.get(f"/api/session/{session_id}/status")
            if status["status"] == "completed":
                return status
            await asyncio.sleep(_POLL_SECONDS)
        raise BenchmarkError(f"a service ended; its log is in {self.stack.folder}")

    async def enrich(self, path: Path) -> Enriched:
        """Upload a list and wait until it is completed."""
        start = time.time()
        upload = await self.upload(path)
        status = await self.wait_until_completed(upload.session_id)
        end = datetime.fromisoformat(status["completed_at"]).timestamp()
        return Enriched(upload.session_id, end - start, status, await self.tmdb_report())

    async def tmdb_report(self) -> dict[str, Any]:
        """What the stand-in counted, with the moment of each arrival."""
        url = f"{self.stack.tmdb_url}/_stand_in/report?arrivals=1"
        async with self.http.get(url, raise_for_status=True) as response:
            report: dict[str, Any] = await response.json()
            return report

    async def forget_requests(self) -> None:
        """Let the stand-in count anew."""
        url = f"{self.stack.tmdb_url}/_stand_in/reset"
        async with self.http.post(url, raise_for_status=True):
            pass

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """Rows from the database, over a connection of its own."""
        connection = await asyncpg.connect(self.stack.dsn)
        try:
            return await connection.fetch(query, *args)
        finally:
            await connection.close()

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record:
        """The one row that a query has.

        Raises:
            BenchmarkError: there is none.
        """
        rows = await self.fetch(query, *args)
        if not rows:
            raise BenchmarkError(f"no row: {query}")
        return rows[0]

    async def committed_at(self, session_id: str) -> float:
        """When a session's upload committed, seconds since the epoch.

        For a server with `track_commit_timestamp`. The row of `upload_reports` tells, because
        nothing but the upload ever writes it.
        """
        row = await self.fetchrow(
            """
            select extract(epoch from pg_xact_commit_timestamp(xmin))::float8 as committed_at
            from upload_reports
            where session_id = $1::text::uuid
            """,
            session_id,
        )
        return float(row["committed_at"])

    async def counts_are_exact(self, session_id: str) -> bool:
        """Whether a session's stored counts are what a join counts, and add up to its total."""
        row = await self.fetchrow(
            """
            select
              (total, enriched, not_found, failed) = (
                select
                  count(*),
                  count(*) filter (where outcome = 'found'),
                  count(*) filter (where outcome = 'not_found'),
                  count(*) filter (where outcome = 'failed')
                from movies
                join lookups on lookups.id = movies.lookup_id
                where movies.session_id = session_counts.session_id
              )
              and enriched + not_found + failed = total as exact
            from session_counts
            where session_id = $1::text::uuid
            """,
            session_id,
        )
        return bool(row["exact"])


def at_address(address: str) -> aiohttp.ClientSession:
    """Return a client that comes from an address of this machine, in 127.0.0.0/8."""
    connector = aiohttp.TCPConnector(local_addr=(address, 0), limit=0)
    return aiohttp.ClientSession(connector=connector)


async def execute(dsn: str, *queries: str) -> None:
    """Run statements, each by itself."""
    connection = await asyncpg.connect(dsn)
    try:
        for query in queries:
            await connection.execute(query, timeout=300)
    finally:
        await connection.close()


def run(
    measure: Callable[[Room, argparse.Namespace], Awaitable[Sequence[Figure]]],
    options: argparse.Namespace,
    server_settings: dict[str, str] | None = None,
) -> None:
    """Measure in a room of its own, and print the table, and how busy the machine was before."""
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f} from elsewhere", flush=True)
    print(table(asyncio.run(_in_a_room(measure, options, server_settings or {}))), flush=True)


async def _in_a_room(
    measure: Callable[[Room, argparse.Namespace], Awaitable[Sequence[Figure]]],
    options: argparse.Namespace,
    server_settings: dict[str, str],
) -> Sequence[Figure]:
    home = ROOT / ".local"  # on a disk that an fsync reaches, which a temporary folder may not be
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=home) as name:
        folder = Path(name)
        async with EmbeddedPostgres(folder / "postgres", settings=server_settings) as server:
            return await measure(Room(folder, server), options)
