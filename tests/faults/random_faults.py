"""Random faults over real processes: a schedule made from a seed, carried out, and taken back.

Each daemon talks to PostgreSQL and to TMDB over lines of its own, which can be cut. Faults of one
target never overlap; those of different targets do.
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import asyncpg

from tests.support.line import Cut, Line, address_over, line_to_database, line_to_tmdb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from random import Random

    from local_stack.postgres import EmbeddedPostgres
    from local_stack.processes import Program
    from tests.support.driving import Driver

DAEMONS = 3
SHORTEST, LONGEST = 0.5, 12.0
"""Seconds that a fault lasts; the longest is longer than a daemon's lease."""
REST = 8.0
"""Seconds at most between two faults of a target."""
EVERY_REQUEST = "/3/"
TROUBLES: tuple[dict[str, object], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 401},
    {"kind": "status", "status": 429},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "2"}},
    {"kind": "garbage"},
    {"kind": "truncated"},
    {"kind": "wrong_shape"},
    {"kind": "reset"},
    {"kind": "hang"},
    {"kind": "delay", "seconds": 1.5},
)
"""How TMDB fails."""
PROBABILITIES = (0.1, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of the schedule. Times are seconds from its beginning.

    Attributes:
        target: a daemon by its number, "postgresql" or "tmdb".
        what: its kind.
        detail: of TMDB's trouble, which and how likely; how a line is cut, or the server ended.
    """

    at: float
    seconds: float
    target: str
    what: str
    detail: str = ""
    trouble: dict[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        """Tell it in a line."""
        told = f"{self.at:6.1f} s: {self.what} {self.target} {self.detail}".rstrip()
        return f"{told}, for {self.seconds:.1f} s"


def schedule(chance: Random, seconds: float) -> list[Fault]:
    """Choose the faults of a run, in the order of their beginnings."""
    faults = []
    targets = [*(str(number) for number in range(DAEMONS)), "postgresql", "tmdb"]
    for target in targets:
        at = chance.uniform(0, REST)
        while at < seconds:
            fault = _fault(chance, target, at, chance.uniform(SHORTEST, LONGEST))
            faults.append(fault)
            at += fault.seconds + chance.uniform(0, REST)
    return sorted(faults, key=lambda fault: fault.at)


def _fault(chance: Random, target: str, at: float, seconds: float) -> Fault:
    if target == "tmdb":
        trouble = {
            **chance.choice(TROUBLES),
            "match": EVERY_REQUEST,
            "probability": chance.choice(PROBABILITIES),
        }
        return Fault(at, seconds, target, "break", f"{trouble}", trouble)
    if target == "postgresql":
        what = chance.choice(["end connections of", "end connections of", "restart", "crash"])
        return Fault(at, seconds, target, what)
    what = chance.choice(["kill", "freeze", "cut off from tmdb", "cut off from postgresql"])
    # What waits in a line to TMDB would arrive long after it was sent, which no budget allows.
    ways = list(Cut) if what.endswith("postgresql") else [Cut.RESET, Cut.SILENCE]
    return Fault(at, seconds, target, what, chance.choice(ways) if "cut" in what else "")


@dataclass(eq=False, slots=True)
class Daemon:
    """One of the daemons, with its lines; killed, it is replaced by another over the same ones."""

    to_database: Line
    to_tmdb: Line
    database_url: str
    tmdb_url: str
    program: Program
    is_frozen: bool = False
    thawed_at: float = 0.0
    """By the event loop's clock."""


class Faults:
    """Carries a schedule out.

    Args:
        driver: of the stack.
        postgres: its server.
        daemons: those that it is about.
    """

    def __init__(self, driver: Driver, postgres: EmbeddedPostgres, daemons: list[Daemon]) -> None:
        self._driver = driver
        self._postgres = postgres
        self.daemons = daemons
        self._at_postgres = asyncio.Lock()
        self.told: list[str] = []
        """What was done, in its order."""

    async def carry_out(self, faults: list[Fault]) -> None:
        """Let each happen in its time, and end."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for fault in faults:
                group.create_task(self._at(began + fault.at, fault))

    async def _at(self, moment: float, fault: Fault) -> None:
        await asyncio.sleep(moment - asyncio.get_running_loop().time())
        self.told.append(str(fault))
        match fault.target:
            case "tmdb":
                await self._driver.go_wrong(fault.trouble)
                await asyncio.sleep(fault.seconds)
                await self._driver.go_wrong()
            case "postgresql":
                async with self._at_postgres:  # its start takes longer than was planned
                    await self._to_postgresql(fault)
            case _:
                await self._to_daemon(self.daemons[int(fault.target)], fault)

    async def _to_postgresql(self, fault: Fault) -> None:
        if fault.what in {"restart", "crash"}:
            await self._postgres.stop(signal.SIGINT if fault.what == "restart" else signal.SIGQUIT)
            await asyncio.sleep(fault.seconds)
            await self._postgres.start()
            return
        connection = await asyncpg.connect(self._driver.stack.dsn)
        try:
            await connection.execute(
                """
                select pg_terminate_backend(pid)
                from pg_stat_activity
                where datname = current_database()
                  and application_name like 'projectionist-%'
                """
            )
        finally:
            await connection.close()

    async def _to_daemon(self, daemon: Daemon, fault: Fault) -> None:
        match fault.what:
            case "kill":
                await daemon.program.kill()
                await asyncio.sleep(fault.seconds)
                daemon.program = await self._driver.stack.add_daemon(
                    wait=False, DATABASE_URL=daemon.database_url, TMDB_BASE_URL=daemon.tmdb_url
                )
            case "freeze":
                daemon.is_frozen = True
                daemon.program.send_signal(signal.SIGSTOP)
                await asyncio.sleep(fault.seconds)
                daemon.program.send_signal(signal.SIGCONT)
                daemon.thawed_at = asyncio.get_running_loop().time()
                daemon.is_frozen = False
            case _:
                line = daemon.to_tmdb if fault.what.endswith("tmdb") else daemon.to_database
                line.cut(Cut(fault.detail))
                await asyncio.sleep(fault.seconds)
                line.heal()

    def take_back(self) -> None:
        """Let nobody stand still whatever happened."""
        for daemon in self.daemons:
            daemon.to_database.heal()
            daemon.to_tmdb.heal()
            if daemon.program.running:
                daemon.program.send_signal(signal.SIGCONT)


@asynccontextmanager
async def daemons_over_lines(driver: Driver) -> AsyncIterator[list[Daemon]]:
    """Start daemons, each over lines of its own."""
    async with AsyncExitStack() as exits:
        daemons = []
        for _ in range(DAEMONS):
            to_database = await exits.enter_async_context(line_to_database(driver.stack.dsn))
            to_tmdb = await exits.enter_async_context(line_to_tmdb(driver.stack.tmdb_url))
            database_url = address_over(to_database, driver.stack.dsn)
            tmdb_url = f"http://127.0.0.1:{to_tmdb.port}"
            program = await driver.stack.add_daemon(
                DATABASE_URL=database_url, TMDB_BASE_URL=tmdb_url
            )
            daemons.append(Daemon(to_database, to_tmdb, database_url, tmdb_url, program))
        yield daemons
