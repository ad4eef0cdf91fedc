"""A stage: several transactions over real connections, of which one advances by one statement.

Each actor is a task. Before each of its statements, and in place of each pause, it waits for its
turn. Once it has had it, nobody else moves until it waits for its next turn, has ended, or waits
for a lock, which another's commit may end. So nothing depends on time: what happens is what was
chosen.

Where a commit lets several go on at once, their server processes are stopped by a signal beforehand
and continue one after the other: else the kernel would choose who comes first.

Time is taken out of locks, too. A `lock_timeout` never runs out by itself: that it does is one of
the choices. Deadlocks are looked for after each statement, and end whoever has closed the circle.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOOK_SECONDS = 0.002
"""After which a statement that has not ended is asked whether it waits for a lock."""
STUCK_SECONDS = 30.0
"""A statement that neither ends nor waits for a lock for so long is a failure of the stage."""


class State(StrEnum):
    """What an actor does."""

    READY = "ready"
    """It waits for its turn."""
    AT_WORK = "at work"
    """It runs, or waits for a lock."""
    DONE = "done"


class Fault(StrEnum):
    """What may happen to an actor's connection in its turn."""

    LOST = "connection lost"
    """It is ended before the statement arrives."""
    UNANSWERED = "answer lost"
    """It is ended after the statement was carried out."""
    DIES = "dies"
    """Its process is killed before the statement is sent."""


class StuckError(Exception):
    """The stage cannot go on: the text says who waits for what."""


@dataclass(eq=False, slots=True)
class Actor:
    """One task on the stage.

    Attributes:
        number: in the order of their coming, which is also the order among equals.
        name: what it does.
        label: the statement that it is about to run, or runs.
        is_open: it has begun a transaction and not ended it.
        is_patient: its transaction has a `lock_timeout`, so its waiting may be over.
        is_blocked: it waits for a lock.
        is_frozen: its server process is stopped, within such a wait.
    """

    number: int
    name: str
    state: State = State.AT_WORK
    label: str = ""
    is_open: bool = False
    is_patient: bool = False
    is_blocked: bool = False
    is_frozen: bool = False
    pid: int | None = None
    began: int = 0
    fault: Fault | None = None
    error: BaseException | None = None
    go: asyncio.Future[None] | None = None
    ends_with: BaseException | None = None
    task: asyncio.Task[None] | None = None
    is_killed: bool = False


ACTOR: ContextVar[Actor | None] = ContextVar("actor", default=None)
"""Who acts in this task; nobody of the stage where it is None."""


class Stage:
    """Lets one actor at a time go on.

    Args:
        control: a connection of its own, by which it sees who waits for whom.
    """

    def __init__(self, control: asyncpg.Connection[asyncpg.Record]) -> None:
        self._control = control
        self._asking = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._statements = 0
        self.actors: list[Actor] = []

    # -- for the machine -------------------------------------------------------------------------

    async def enter(self, name: str, work: Callable[[], Awaitable[None]]) -> Actor:
        """Begin an actor; it comes as far as its first statement."""
        actor = Actor(len(self.actors), name)
        self.actors.append(actor)
        actor.task = asyncio.create_task(self._act(actor, work), name=name)
        await self._settle()
        return actor

    async def advance(self, actor: Actor, fault: Fault | None = None) -> None:
        """Let an actor that is ready run one statement, which may go wrong."""
        assert actor.go is not None
        actor.fault = fault
        self._freeze()
        actor.state = State.AT_WORK
        actor.go.set_result(None)
        await self._settle()

    async def lose_patience(self, actor: Actor) -> None:
        """Let a `lock_timeout` run out."""
        await self._end_statement(actor, asyncpg.LockNotAvailableError("canceling: lock timeout"))
        await self._settle()

    async def kill(self, actor: Actor) -> None:
        """End an actor as a process ends that is killed: its connection goes, it sees nothing."""
        assert actor.task is not None
        actor.is_killed = True
        pid = actor.pid if actor.is_open else None  # else it may be another's by now
        actor.task.cancel()
        await asyncio.wait({actor.task})
        if pid is not None:
            await self.end_backend(pid)
        await self._settle()

    async def end_backend(self, pid: int) -> None:
        """Wait until a connection's other end has gone, and with it its locks."""
        async with self._asking:
            await self._control.execute("select pg_terminate_backend($1, 5000)", pid)

    def clear(self) -> None:
        """Forget all actors, who have ended."""
        self.actors.clear()

    @property
    def is_quiet(self) -> bool:
        """Whether no transaction is open."""
        return not any(actor.is_open or actor.is_blocked for actor in self.actors)

    async def _act(self, actor: Actor, work: Callable[[], Awaitable[None]]) -> None:
        ACTOR.set(actor)
        try:
            await work()
        except asyncio.CancelledError:
            if not actor.is_killed:
                raise
        except Exception as error:  # noqa: BLE001  # the machine judges it
            # Of what a killed one still does on its way out, nobody ever hears.
            actor.error = None if actor.is_killed else error
        finally:
            actor.state = State.DONE
            actor.is_open = False
            self._stirred.set()

    async def _settle(self) -> None:
        """Wait until everybody waits: for a turn, or for a lock that somebody has."""
        deadline = asyncio.get_running_loop().time() + STUCK_SECONDS
        try:
            while at_work := [actor for actor in self.actors if actor.state is State.AT_WORK]:
                if asyncio.get_running_loop().time() > deadline:
                    told = [f"{actor.name}: {actor.label}" for actor in at_work]
                    raise StuckError(f"neither ended nor waiting for a lock: {told}")
                if await self._have_stirred(at_work):
                    continue
                waits = await self._waits([actor.pid for actor in at_work if actor.pid])
                if self._stirred.is_set():
                    continue
                for actor in at_work:
                    actor.is_blocked = actor.is_frozen or actor.pid in waits
                if not all(actor.is_blocked for actor in at_work):
                    continue
                if woken := [a for a in at_work if a.is_frozen and a.pid not in waits]:
                    self._thaw(woken[0])
                elif last := _closed_a_circle(at_work, waits):
                    await self._end_statement(
                        last, asyncpg.DeadlockDetectedError("deadlock detected")
                    )
                else:
                    return
        finally:
            for actor in self.actors:
                self._thaw(actor, goes_on=False)

    async def _have_stirred(self, at_work: list[Actor]) -> bool:
        """Whether somebody has come to the next turn, or to an end, within a moment."""
        self._stirred.clear()
        if all(actor.is_blocked for actor in at_work):
            return False
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._stirred.wait()
        except TimeoutError:
            return False
        return True

    def _freeze(self) -> None:
        """Stop the server processes of those who wait for locks, if they are several."""
        blocked = [actor for actor in self.actors if actor.is_blocked and actor.pid]
        if len(blocked) > 1:
            for actor in blocked:
                assert actor.pid is not None
                os.kill(actor.pid, signal.SIGSTOP)
                actor.is_frozen = True

    def _thaw(self, actor: Actor, *, goes_on: bool = True) -> None:
        if actor.is_frozen and actor.pid is not None:
            actor.is_frozen = False
            actor.is_blocked = not goes_on
            os.kill(actor.pid, signal.SIGCONT)

    async def _waits(self, pids: list[int]) -> dict[int, list[int]]:
        """Who waits for a lock, and for whom. Who releases a lock has granted it by then."""
        async with self._asking:
            rows = await self._control.fetch(
                """
                select pid, pg_blocking_pids(pid) as others
                from (
                  select distinct pid from pg_locks where not granted and pid = any($1::integer[])
                ) as waiting
                """,
                pids,
            )
        return {row["pid"]: row["others"] for row in rows}

    async def _end_statement(self, actor: Actor, error: BaseException) -> None:
        actor.ends_with = error
        self._thaw(actor)
        actor.is_blocked = False
        async with self._asking:
            await self._control.execute("select pg_cancel_backend($1)", actor.pid)

    # -- for the actors --------------------------------------------------------------------------

    async def turn(self, actor: Actor, label: str) -> None:
        """Wait for the actor's turn."""
        if actor.is_killed:
            return
        actor.label = label
        actor.go = asyncio.get_running_loop().create_future()
        actor.state = State.READY
        actor.is_blocked = False
        self._stirred.set()
        await actor.go

    def count(self) -> int:
        """Return the number of a statement that begins."""
        self._statements += 1
        return self._statements


def _closed_a_circle(waiting: list[Actor], waits: dict[int, list[int]]) -> Actor | None:
    """Return the last to have begun of those who wait for each other."""
    by_pid = {actor.pid: actor for actor in waiting if actor.pid is not None}

    def reaches(start: int, aim: int, seen: set[int]) -> bool:
        for pid in waits.get(start, ()):
            if pid == aim:
                return True
            if pid in by_pid and pid not in seen:
                seen.add(pid)
                if reaches(pid, aim, seen):
                    return True
        return False

    circle = [actor for pid, actor in by_pid.items() if reaches(pid, pid, set())]
    return max(circle, key=lambda actor: actor.began, default=None)
