"""Status reads beside overviews of a 100,000-film list: the same one by many, and one each.

What is asked for is the status of another session, as a page polls it, while forty overviews are
asked for at once: first all of them the same, then each with a filter of its own, so that nothing
that was added up before serves another.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, percentile, spread
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, execute, raised, run
from benchmarks.summary import ANSWER_ALL

if TYPE_CHECKING:
    from collections.abc import Sequence

REACH_SECONDS = 1.0
POLLS = 4
"""Pages that poll their own status meanwhile."""
PAUSE_SECONDS = 0.05
SMALL = 50
"""Films of the session whose status is polled."""


@dataclass(slots=True)
class Told:
    """What answered, and how long each answer took."""

    seconds: list[float] = field(default_factory=list)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def sound(self) -> bool:
        """Whether nothing failed but by saying when to come again."""
        return all(answer == "200" or "again" in answer for answer in self.answers)

    def __str__(self) -> str:
        answers = ", ".join(f"{count} x {answer}" for answer, count in self.answers.items())
        return f"{spread(self.seconds, 's')}: {answers}"


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Polls beside nothing, beside one overview asked for by many, and beside as many others."""
    films = pick_films(options.films + SMALL).films
    async with room.stack(raised(), RAISED_SETTINGS, daemons=0) as bench:
        large = (await bench.upload(room.write_list(films[:-SMALL]))).session_id
        small = (await bench.upload(room.write_list(films[-SMALL:]))).session_id
        await execute(bench.stack.dsn, *ANSWER_ALL)
        path = f"/api/session/{large}/summary"
        same = [path] * options.overviews
        others = [f"{path}?runtime_from={number}" for number in range(options.overviews)]
        figures = []
        for name, paths in (("the same", same), ("different", others)):
            overviews, polls = await _beside(bench, small, paths)
            figures += _figures(f"{len(paths)} {name} overviews", overviews, polls, options.films)
        return figures


def _figures(what: str, overviews: Told, polls: Told, films: int) -> list[Figure]:
    worst = max(polls.seconds)
    milliseconds = [1000 * seconds for seconds in polls.seconds]
    return [
        Figure(f"{what} of {films} films", str(overviews), "200, or 503 and when", overviews.sound),
        Figure(
            f"status beside {what}",
            f"worst {worst:.2f} s, p95 {percentile(milliseconds, 95):.0f} ms of {polls}",
            f"<= {REACH_SECONDS:.0f} s, no 5xx",
            worst <= REACH_SECONDS and set(polls.answers) == {"200"},
        ),
    ]


async def _beside(bench: Bench, session_id: str, paths: Sequence[str]) -> tuple[Told, Told]:
    """Ask for all of these at once, and for the session's status until they are answered."""
    overviews, polls = Told(), Told()
    asking = asyncio.gather(*(_ask(bench, path, overviews) for path in paths))

    async def poll() -> None:
        while not asking.done():
            await _ask(bench, f"/api/session/{session_id}/status", polls)
            await asyncio.sleep(PAUSE_SECONDS)

    await asyncio.gather(asking, *(poll() for _ in range(POLLS)))
    return overviews, polls


async def _ask(bench: Bench, path: str, told: Told) -> None:
    start = time.perf_counter()
    async with bench.http.get(bench.stack.api_url + path) as response:
        await response.read()
        told.seconds.append(time.perf_counter() - start)
        again = response.headers.get("Retry-After")
        told.answers[f"{response.status}{f' again in {again} s' if again else ''}"] += 1


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(
        prog="python -m benchmarks.heavy_reads", description=__doc__
    )
    arguments.add_argument("--films", type=int, default=100_000)
    arguments.add_argument("--overviews", type=int, default=40)
    run(measure, arguments.parse_args())
