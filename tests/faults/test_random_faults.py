"""Random faults, while users go on: the guarantees each second, then all of them at rest.

`CHAOS_SECONDS` says for how long, `CHAOS_SEED` repeats a run's choices (not its timing):
`make chaos` is ten minutes of it.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import psutil
import pytest

from enrich_service.options import FLEET_CONNECTIONS
from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import migrate
from local_stack.stack import StandIn
from tests.faults.random_faults import Faults, daemons_over_lines, schedule
from tests.guarantees import violations
from tests.support.driving import MADE_UP, create_database, running, until
from tests.support.guarantee import Measures, Moment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from local_stack.tmdb.film import Film
    from tests.faults.random_faults import Daemon
    from tests.support.driving import Answer, Driver

SECONDS = float(os.environ.get("CHAOS_SECONDS", "30"))
SEED = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(1, 10**9))
RECOVERY_SECONDS = 300.0
BUDGET = StandIn(films=MADE_UP, limit=40, period=2.0, latency=0.1)
MARGIN = 1.0
"""A wide one: each request passes a line in this process, which does much besides."""
MEASURES = Measures(limit=BUDGET.limit, period=BUDGET.period)
LISTED = 8
PACE_SECONDS = 4.0
"""Between two things that a user does, about: so much work that it is always there, and ends."""
USERS = 2
LETTING_GO_SECONDS = 2.0
"""In which a daemon that stood still closes what was taken from it meanwhile."""
WRONG = {
    "enrich.log": (
        *("session_reconciled", "session_miscounted", "reopening_incomplete"),
        *("lookup_crashed", "lookup_task_crashed"),
    ),
    "api.log": ("request_crashed", "parser_crashed", "reopening_incomplete"),
}
"""Events that say that something was wrong."""


@pytest.fixture
async def stack() -> AsyncIterator[tuple[Driver, EmbeddedPostgres]]:
    """A server of its own, which is ended and started, and both services but for a daemon."""
    folder = Path(tempfile.mkdtemp(prefix="projectionist-chaos-"))
    async with AsyncExitStack() as exits:
        exits.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = await exits.enter_async_context(
            EmbeddedPostgres(folder / "postgres", durable=False)
        )
        dsn = await create_database(postgres)
        await migrate(dsn)
        driver = await exits.enter_async_context(
            running(dsn, folder, stand_in=BUDGET, daemons=0, TMDB_RATE_MARGIN=str(MARGIN))
        )
        await driver.begin()
        yield driver, postgres


class User:
    """Uploads, adds, forces and deletes, and comes again until it is done.

    Each list has some films that TMDB knows and some that nobody does.
    """

    def __init__(self, driver: Driver, films: Sequence[Film], name: str) -> None:
        self._driver = driver
        self._films = films
        self._chance = random.Random(f"{SEED} {name}")  # noqa: S311  # no secret
        self._name = name
        self._number = 0
        self.lists: dict[str, tuple[set[str], set[str]]] = {}
        """The known and the unknown films that each session has to have."""

    async def act(self) -> None:
        """Do one thing after the other, until cancelled between two of them."""
        acts = [self.upload, self.upload, self.add, self.force, self.delete]
        await (self._chance.choice(acts) if len(self.lists) > 2 else self.upload)()
        await asyncio.sleep(self._chance.uniform(0, 2 * PACE_SECONDS))

    async def upload(self) -> None:
        body, known, unknown = self._list()
        answer = await self._insist("POST", "/api/upload", {201}, data=body)
        session_id = answer.body["session_id"]
        self.lists[session_id] = known, unknown
        self._driver.sessions.add(session_id)

    async def add(self) -> None:
        session_id = self._chance.choice(list(self.lists))
        body, known, unknown = self._list()
        await self._insist("POST", f"/api/session/{session_id}/upload", {200}, data=body)
        self.lists[session_id][0].update(known)
        self.lists[session_id][1].update(unknown)

    async def force(self) -> None:
        session_id = self._chance.choice(list(self.lists))
        await self._insist("POST", f"/api/session/{session_id}/enrich", {202})

    async def delete(self) -> None:
        session_id = self._chance.choice(list(self.lists))
        await self._insist("DELETE", f"/api/session/{session_id}", {204, 404})
        del self.lists[session_id]
        self._driver.sessions.discard(session_id)

    def _list(self) -> tuple[bytes, set[str], set[str]]:
        films = self._chance.sample(self._films, LISTED)
        known = {f'"{film.title.replace(chr(34), chr(34) * 2)}",{film.year}' for film in films}
        self._number += 1
        unknown = {f"Nobody Knows {self._name} {self._number}{letter},1990" for letter in "ab"}
        rows = ["Title,Year", *sorted(known), *sorted(unknown)]
        return "\n".join(rows).encode(), known, unknown

    async def _insist(self, method: str, path: str, done: set[int], **options: Any) -> Answer:  # noqa: ANN401  # aiohttp's own
        headers = {"Content-Type": "text/csv"} if "data" in options else {}
        if method == "POST" and "data" in options:
            headers["Idempotency-Key"] = f"{SEED} {self._name} {self._number}"
        while True:
            answer = await self._driver.call(method, path, headers=headers, **options)
            if answer.status in done:
                return answer
            assert answer.status in {409, 503}, answer
            await asyncio.sleep(1)


class Auditor:
    """Looks once a second at everything that holds at any moment."""

    def __init__(self, driver: Driver, faults: Faults) -> None:
        self._driver = driver
        self._faults = faults
        self.looks = 0
        self.most_connections = 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(1)
            await self.look()

    async def look(self) -> None:
        report = await self._driver.report()
        assert report["largest_window"] <= BUDGET.limit, "G22"
        assert report["refused_429"] == 0, "G22"
        self.most_connections = max(self.most_connections, self._connections())
        # One more for who has found all others dead, though they are only cut off.
        assert self.most_connections <= FLEET_CONNECTIONS, "G23"
        try:
            connection = await asyncpg.connect(self._driver.stack.dsn, timeout=2)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return  # it is away
        try:
            assert await violations(connection, Moment.ALWAYS, MEASURES) == []
            self.looks += 1
        except (
            asyncpg.PostgresConnectionError,
            asyncpg.OperatorInterventionError,
            asyncpg.InterfaceError,
        ):
            pass  # it is going away
        finally:
            connection.terminate()

    def _connections(self) -> int:
        """Connections to TMDB of all daemons but those that stand still, or did a moment ago."""
        now = asyncio.get_running_loop().time()
        return sum(
            _open(daemon)
            for daemon in self._faults.daemons
            if not daemon.is_frozen and now - daemon.thawed_at > LETTING_GO_SECONDS
        )


def _open(daemon: Daemon) -> int:
    try:
        connections = psutil.Process(daemon.program.pid).net_connections(kind="tcp")
    except psutil.NoSuchProcess:
        return 0
    return sum(
        bool(connection.raddr)
        and connection.raddr.port == daemon.to_tmdb.port
        and connection.status == psutil.CONN_ESTABLISHED
        for connection in connections
    )


@pytest.mark.long
@pytest.mark.timeout(SECONDS + RECOVERY_SECONDS + 120)
async def test_no_fault_of_any_kind_breaks_a_guarantee(
    stack: tuple[Driver, EmbeddedPostgres], films: list[Film]
) -> None:
    driver, postgres = stack
    chance = random.Random(SEED)  # noqa: S311  # no secret
    users = [User(driver, films, f"user {number}") for number in range(USERS)]
    async with daemons_over_lines(driver) as daemons:
        faults = Faults(driver, postgres, daemons)
        auditor = Auditor(driver, faults)
        try:
            await _while_users_act(users, auditor, faults.carry_out(schedule(chance, SECONDS)))
            faults.take_back()
            await driver.speed_up()
            await _recovered(driver, users, auditor)
            assert auditor.looks > SECONDS / 10, "it hardly ever looked"
        except BaseException as error:
            error.add_note(f"CHAOS_SEED={SEED} CHAOS_SECONDS={SECONDS:.0f}")
            error.add_note("\n".join(faults.told))
            raise
        finally:
            faults.take_back()
        print(  # noqa: T201  # what the run was, for whoever asks for it
            f"CHAOS_SEED={SEED}: {len(faults.told)} faults, {auditor.looks} looks, "
            f"{sum(len(user.lists) for user in users)} lists, "
            f"{auditor.most_connections} connections at most"
        )
        for daemon in daemons:
            assert await daemon.program.stop() == 0


async def _while_users_act(users: list[User], auditor: Auditor, carrying_out: Any) -> None:  # noqa: ANN401  # a coroutine
    """Let users go on, and the auditor look, for as long as the faults last."""
    ended = asyncio.Event()

    async def go_on(user: User) -> None:
        while not ended.is_set():
            await user.act()

    async with asyncio.TaskGroup() as group:
        for user in users:
            group.create_task(go_on(user))
        looking = group.create_task(auditor.run())
        await carrying_out
        ended.set()
        looking.cancel()


async def _recovered(driver: Driver, users: list[User], auditor: Auditor) -> None:
    """Wait until all has ended, have asked again what failed, and compare all with the lists."""
    lists = {session: films for user in users for session, films in user.lists.items()}
    for _ in range(2):
        for session_id in lists:
            await _completed(driver, session_id, auditor)
            answer = await driver.call("POST", f"/api/session/{session_id}/enrich")
            assert answer.status == 202, answer
    for session_id, (known, unknown) in lists.items():
        status = await _completed(driver, session_id, auditor)
        counted = {name: status[name] for name in ("total_movies", "enriched_count")}
        assert counted == {
            "total_movies": len(known) + len(unknown),
            "enriched_count": len(known),
        }, f"G24: {session_id}"
        assert status["not_found_count"] == len(unknown), "G24"
    await auditor.look()
    await until(lambda: _is_quiet(driver))
    await driver.audit()
    for log, names in WRONG.items():
        for name in names:
            assert driver.events(name, log) == [], "G19"


async def _completed(driver: Driver, session_id: str, auditor: Auditor) -> dict[str, Any]:
    looked = asyncio.get_running_loop().time()

    async def is_completed() -> bool:
        nonlocal looked
        now = asyncio.get_running_loop().time()
        if now - looked > 1:
            looked = now
            await auditor.look()
        try:
            status = await driver.status(session_id)
        except aiohttp.ClientError:
            return False
        return bool(status["status"] == "completed")

    await until(is_completed, seconds=RECOVERY_SECONDS)
    return await driver.status(session_id)


async def _is_quiet(driver: Driver) -> bool:
    return bool(await driver.value("select count(*) = 0 from lookups where due_at is not null"))
