"""The torture for as long as told: `make torture`.

`TORTURE_SECONDS` says for how long, `TORTURE_SEED` repeats a run. What it finds it shrinks, shows,
and says how to play again.
"""

from __future__ import annotations

import asyncio
import math
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from local_stack.postgres import EmbeddedPostgres
from local_stack.processes import migrate
from tests.torture.kinds import KINDS
from tests.torture.machine import case_of, play, shrink
from tests.torture.world import world_over

if TYPE_CHECKING:
    from tests.support.guarantee import Violation
    from tests.torture.machine import Played
    from tests.torture.world import World

SECONDS = 1800.0
TOLD_EVERY_SECONDS = 60.0


@dataclass(slots=True)
class Done:
    """What a run came to: its cases and statements, and the first case that broke something."""

    seed: str
    cases: int = 0
    moves: int = 0
    violations: list[Violation] = field(default_factory=list)
    played: Played | None = None

    @property
    def told(self) -> str:
        """What was found, and how to find it again."""
        if self.played is None:
            return f"{self.cases} cases, {self.moves} moves, no guarantee broken"
        trace = "\n".join(self.played.trace)
        broken = "\n".join(f"{v.guarantee}: {v.evidence}" for v in self.violations)
        return (
            f"case {self.cases} of TORTURE_SEED={self.seed!r} breaks\n{broken}\n\n"
            f"the shortest way that was found to it:\n{trace}\n\n"
            f"again: TORTURE_SEED='{self.seed}' TORTURE_CASE={self.cases} make torture"
        )


async def torture(
    world: World,
    seed: str,
    *,
    seconds: float = math.inf,
    most: float = math.inf,
    first: int = 1,
    tells: bool = False,
) -> Done:
    """Play cases until there were enough, or one breaks a guarantee, which is shrunk then.

    Args:
        world: where.
        seed: of the run; the cases are numbered beside it.
        seconds: for how long; at least one case is played.
        most: so many cases at the most.
        first: the number of the first case.
        tells: whether to print how far it is, once a minute.
    """
    done = Done(seed, cases=first - 1)
    end = time.monotonic() + seconds
    tell_at = time.monotonic() + TOLD_EVERY_SECONDS
    while True:
        done.cases += 1
        played = await play(world, case_of(f"{seed} {done.cases}", KINDS))
        done.moves += len(played.case.moves or ())
        if played.violations:
            done.played = await shrink(world, played)
            done.violations = done.played.violations
            return done
        now = time.monotonic()
        if tells and now > tell_at:
            tell_at += TOLD_EVERY_SECONDS
            print(done.told, flush=True)  # noqa: T201  # a command says how far it is
        if now > end or done.cases - first + 1 >= most:
            return done


async def _main() -> int:
    seed = os.environ.get("TORTURE_SEED") or str(random.SystemRandom().randrange(1, 10**9))
    only = os.environ.get("TORTURE_CASE")
    seconds = 0.0 if only else float(os.environ.get("TORTURE_SECONDS", str(SECONDS)))
    print(f"TORTURE_SEED={seed}, for {seconds:.0f} s", flush=True)  # noqa: T201  # as above
    folder = Path(tempfile.mkdtemp(prefix="projectionist-torture-"))
    try:
        async with EmbeddedPostgres(folder / "postgres", durable=False) as postgres:
            await migrate(postgres.dsn())
            async with world_over(postgres.dsn()) as world:
                done = await torture(world, seed, seconds=seconds, first=int(only or 1), tells=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(done.told)  # noqa: T201  # as above
    return 1 if done.violations else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
