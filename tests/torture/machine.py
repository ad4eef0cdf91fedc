"""The machine: chooses whose turn it is, from a seed, and finds the shortest way to what it broke.

A case is a list of actors and the moves that were made with them. Played again it makes the same
moves; moves that are no longer possible, because an actor was left out, are passed over, and what
is still under way at their end goes on in the order of the actors' coming.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import asyncpg
import structlog

from shared.errors import ProjectionistError, SchemaOutdatedError
from tests.support.guarantee import Moment, Violation
from tests.torture.ending import come_to_rest
from tests.torture.kinds import ACTS, begin_case
from tests.torture.stage import Fault, State, StuckError
from tests.torture.world import chance_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from random import Random

    from tests.torture.stage import Actor
    from tests.torture.world import World

MOST_STEPS = 4000
"""A case takes some hundreds; one that takes so many goes round in circles."""
ACTORS = (4, 9)
"""How many act in one case, at least and at most."""
AT_ONCE = (2, 4)
"""How many of them at the same time."""
FAULTS = 1 / 60
"""How likely a statement loses its connection, or its answer; not in every case."""
SHRINKING_TRIES = 60
READS = ("select", "begin", "(pause)")
"""Statements after which nothing is otherwise than before, unless they are in a transaction."""
DEFECTS = {"session_reconciled", "session_miscounted", "reopening_incomplete"}
"""Events of the log that say that something was wrong, though it was mended."""


@dataclass(frozen=True, slots=True)
class Move:
    """What is done next: an actor begins, goes on, loses its patience, or its connection."""

    actor: int
    what: str = "go on"


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be played.

    Attributes:
        seed: of all choices.
        actors: what each does; the number of one is also that of its own choices.
        moves: None chooses them.
        at_once: how many act at the same time.
        faults: how likely a statement loses its connection.
    """

    seed: str
    actors: tuple[tuple[int, str], ...]
    moves: tuple[Move, ...] | None = None
    at_once: int = 3
    faults: float = 0.0


@dataclass(slots=True)
class Played:
    """What came of a case.

    Attributes:
        case: with the moves that were made.
        trace: a line for each move.
        violations: what it broke.
    """

    case: Case
    trace: list[str] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)


def case_of(seed: str, kinds: dict[str, int]) -> Case:
    """Choose a case by a seed, from kinds of actors and how likely each is."""
    chance = chance_of(seed)
    names = chance.choices(list(kinds), list(kinds.values()), k=chance.randint(*ACTORS))
    return Case(
        seed,
        tuple(enumerate(names)),
        at_once=chance.randint(*AT_ONCE),
        faults=chance.choice([0.0, 0.0, FAULTS]),
    )


async def play(world: World, case: Case) -> Played:
    """Play a case to its end, or to the first violation."""
    await world.reset(case.seed)
    playing = _Playing(world, case)
    played = playing.played
    with structlog.testing.capture_logs() as log:
        try:
            await begin_case(world, chance_of(f"{case.seed} beginning"))
            await playing.run()
            if not played.violations:
                await come_to_rest(world)
                played.violations += await world.violations(Moment.AT_REST)
                played.violations += await world.lost_films()
        except (ProjectionistError, asyncpg.PostgresError) as error:
            played.violations.append(Violation("G18", _told(error)))
        finally:
            await playing.clear_up()
    played.violations += [
        Violation("G19", str(event)) for event in log if event["event"] in DEFECTS
    ]
    return played


class _Playing:
    def __init__(self, world: World, case: Case) -> None:
        self._world = world
        self._stage = world.stage
        self._case = case
        self._chance = chance_of(f"{case.seed} moves")
        self._to_come = dict(case.actors)
        self._acting: dict[int, Actor] = {}
        self._failed: set[int] = set()
        self._moves: list[Move] = []
        self.played = Played(case)

    async def run(self) -> None:
        """Make moves until everybody has ended."""
        for move in self._to_make():
            await self._make(move)
            self._moves.append(move)
            self.played.case = replace(self._case, moves=tuple(self._moves))
            if self.played.violations:
                return

    def _to_make(self) -> Iterator[Move]:
        for move in self._case.moves or ():
            if self._is_possible(move):
                yield move
        for _ in range(MOST_STEPS):
            if not (moves := self._possible()):
                return
            yield self._next(moves) if self._case.moves is not None else self._choose(moves)
        self.played.violations.append(Violation("G18", f"no end after {MOST_STEPS} statements"))

    def _is_possible(self, move: Move) -> bool:
        actor = self._acting.get(move.actor)
        if move.what == "begin":
            return move.actor in self._to_come
        if actor is None:
            return False
        if move.what == "lose patience":
            return actor.is_blocked and actor.is_patient
        return actor.state is State.READY

    def _possible(self) -> list[Move]:
        moves = [
            Move(number) for number, actor in self._acting.items() if actor.state is State.READY
        ]
        if self._to_come and len(self._acting) < self._case.at_once:
            moves.append(Move(min(self._to_come), "begin"))
        if not moves:
            moves = self._impatient()
        if not moves and self._acting:
            told = [f"{actor.name}: {actor.label}" for actor in self._acting.values()]
            raise StuckError(f"everybody waits for a lock: {told}")
        return moves

    def _impatient(self) -> list[Move]:
        return [
            Move(number, "lose patience")
            for number, actor in self._acting.items()
            if actor.is_blocked and actor.is_patient
        ]

    def _next(self, moves: list[Move]) -> Move:
        """The next in the order of their coming, so that nobody waits for ever."""
        last = self._moves[-1].actor if self._moves else -1
        return min(moves, key=lambda move: (move.actor <= last, move.actor))

    def _choose(self, moves: list[Move]) -> Move:
        if self._chance.random() < 1 / 10 and (impatient := self._impatient()):
            return self._chance.choice(impatient)
        move = self._chance.choice(moves)
        may_fail = move.what == "go on" and move.actor not in self._failed
        if may_fail and self._chance.random() < self._case.faults:
            # Once: a transaction that loses its connection four times may well give up.
            self._failed.add(move.actor)
            return replace(move, what=self._chance.choice(list(Fault)))
        return move

    async def _make(self, move: Move) -> None:
        before = {number for number, actor in self._acting.items() if actor.is_blocked}
        label, commits = "", False
        if move.what == "begin":
            name = self._to_come.pop(move.actor)
            chance = chance_of(f"{self._case.seed} {move.actor} {name}")
            actor = self._acting[move.actor] = await self._stage.enter(
                name, self._act(name, chance)
            )
        else:
            actor = self._acting[move.actor]
            label = actor.label
            commits = label == "commit" or not (actor.is_open or label.startswith(READS))
            if move.what == "lose patience":
                await self._stage.lose_patience(actor)
            elif move.what == Fault.DIES:
                await self._stage.kill(actor)
                self._world.note_death()
            else:
                await self._stage.advance(actor, Fault(move.what) if move.what != "go on" else None)
        self._note(move, actor, label, before)
        await self._judge(commits=commits)

    def _act(self, name: str, chance: Random) -> Callable[[], Awaitable[None]]:
        return lambda: ACTS[name](self._world, chance)

    def _note(self, move: Move, actor: Actor, label: str, before: set[int]) -> None:
        state = "waits for a lock" if actor.is_blocked else ""
        woken = [n for n in sorted(before) if not self._acting[n].is_blocked and n != move.actor]
        what = "" if move.what == "go on" else f" [{move.what}]"
        told = f" -> {state}" if state else ""
        told += f" (lets {woken} go on)" if woken else ""
        self.played.trace.append(f"{move.actor} {actor.name}{what}: {label}{told}")

    async def _judge(self, *, commits: bool) -> None:
        """Look at what the move has done, and at whoever has ended."""
        for number, actor in sorted(self._acting.items()):
            if actor.state is State.DONE:
                del self._acting[number]
                if actor.error is not None:
                    self.played.trace.append(f"{number} {actor.name}: {_told(actor.error)}")
                    self._judge_error(actor.name, actor.error)
        if commits:
            self.played.violations += await self._world.violations(Moment.ALWAYS)

    def _judge_error(self, name: str, error: BaseException) -> None:
        if isinstance(error, SchemaOutdatedError | asyncpg.SyntaxOrAccessError):
            raise error  # a patch of the torture that no longer fits: nothing is broken by it
        if isinstance(error, ProjectionistError | asyncpg.PostgresError):
            self.played.violations.append(Violation("G18", f"{name}: {_told(error)}"))
        else:
            raise error

    async def clear_up(self) -> None:
        """End whoever is still under way."""
        for actor in self._acting.values():
            if actor.state is not State.DONE:
                await self._stage.kill(actor)


def _told(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


async def shrink(world: World, played: Played) -> Played:
    """Leave out actors and moves for as long as the same guarantee is broken."""
    aim = played.violations[0].guarantee
    tries = 0
    shrinking = True
    while shrinking and tries < SHRINKING_TRIES:
        shrinking = False
        for smaller in _smaller(played.case):
            tries += 1
            if tries > SHRINKING_TRIES:
                break
            again = await play(world, smaller)
            if any(violation.guarantee == aim for violation in again.violations):
                played, shrinking = again, True
                break
    return played


def _smaller(case: Case) -> Iterator[Case]:
    moves = case.moves or ()
    for left_out in reversed(case.actors):
        yield replace(
            case,
            actors=tuple(actor for actor in case.actors if actor != left_out),
            moves=tuple(move for move in moves if move.actor != left_out[0]),
        )
    size = len(moves) // 2
    while size >= 1:
        for start in range(0, len(moves), size):
            yield replace(case, moves=(*moves[:start], *moves[start + size :]))
        size //= 2
