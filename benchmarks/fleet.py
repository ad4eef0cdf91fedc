"""Fleets of 1, 2, 4 and 8 daemons: one budget, fair turns, and an ETA that comes true.

Each fleet has a database and a stand-in of its own (50 ms an answer, 40 requests in any 10 s). They
run side by side, because they mostly wait: about eight minutes for all.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.courses import ETA_SECONDS, ETA_SHARE, LookupResolver
from benchmarks.figures import Figure, share_of_budget
from benchmarks.films import Pick, pick_films
from benchmarks.harness import Bench, Room, run
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local_stack.tmdb.film import Film

LIMIT, PERIOD = 40, 10.0
REACH_SHARE = 0.97
REACH_FIRST_FILM, REACH_NEWCOMER = 2.0, 25.0
REACH_UNEVENNESS = 1.5

FILMS = 1500
"""Of the stand-in; more than are ever come to."""
LARGE = 50_000
KNOWN_OF_LARGE = 400
NEWCOMER = 20
EQUALS, EQUAL_FILMS = 10, 50
HEAD_START = 20
"""Films of the large list before anybody else comes, and those that equals are compared by."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one fleet did. Durations are seconds; ETAs as in `LookupResolver.worst_eta`."""

    daemons: int
    largest_window: int
    refused: int
    share: float
    first_film: float
    newcomer: float
    unevenness: float
    longest_stop: float
    eta_alone: float
    eta_shared: float

    def figures(self) -> list[Figure]:
        """Its rows of the table."""
        whose = f"{self.daemons} daemon{'s' if self.daemons > 1 else ''}: "
        eta = f"ETA's largest error over {ETA_SHARE:.0%} or {ETA_SECONDS:.0f} s"
        return [
            Figure(
                f"{whose}requests in any 10 s",
                f"{self.largest_window}, and {self.refused} refused",
                f"never over {LIMIT}",
                self.largest_window <= LIMIT,
            ),
            _at_least(f"{whose}budget used, 41st to last request", self.share, REACH_SHARE),
            _at_most(
                f"{whose}first film of a new list beside one of {LARGE:,}",
                self.first_film,
                REACH_FIRST_FILM,
                " s",
            ),
            _at_most(f"{whose}that list's {NEWCOMER} films", self.newcomer, REACH_NEWCOMER, " s"),
            _at_most(
                f"{whose}{EQUALS} equal lists, largest over smallest progress",
                self.unevenness,
                REACH_UNEVENNESS,
                "",
            ),
            Figure(f"{whose}the large list stood still at most", f"{self.longest_stop:.1f} s"),
            _at_most(f"{whose}{eta}, one list", self.eta_alone, 1, ""),
            _at_most(f"{whose}the same, three that share", self.eta_shared, 1, ""),
        ]


def _at_most(what: str, value: float, reach: float, unit: str) -> Figure:
    return Figure(what, f"{value:.2f}{unit}", f"<= {reach:g}{unit}", value <= reach)


def _at_least(what: str, share: float, reach: float) -> Figure:
    return Figure(what, f"{share:.2%}", f">= {reach:.0%}", share >= reach)


class Fleet:
    """One fleet at work on its lists."""

    def __init__(self, room: Room, bench: Bench, pick: Pick, group: asyncio.TaskGroup) -> None:
        self._room = room
        self._bench = bench
        self._films = iter(pick.films)
        self._group = group
        self._watchers: list[asyncio.Task[None]] = []

    async def measure(self, daemons: int) -> Measured:
        """Let it work: on one list, on three that share, and in a crowd beside a large one."""
        alone = await self._upload(self._take(120))
        eta_alone = await alone.worst_eta()
        second = self._take(90)
        lists = [self._take(60), second, [*self._take(80), *second[:40]]]
        shared = [await self._upload(films) for films in lists]
        eta_shared = max([await course.worst_eta() for course in shared])

        await self._bench.forget_requests()
        large = await self._upload(self._large_list())
        await large.reaches(HEAD_START)
        newcomer = await self._upload(self._take(NEWCOMER))
        first_film = await newcomer.reaches(1) - newcomer.moments[0]
        all_films = await newcomer.reaches(NEWCOMER) - newcomer.moments[0]
        unevenness = await self._unevenness()
        report = await self._bench.tmdb_report()
        return Measured(
            daemons,
            largest_window=report["largest_window"],
            refused=report["refused_429"],
            share=share_of_budget(report["arrivals"], LIMIT, PERIOD),
            first_film=first_film,
            newcomer=all_films,
            unevenness=unevenness,
            longest_stop=large.longest_stop(),
            eta_alone=eta_alone,
            eta_shared=eta_shared,
        )

    async def _unevenness(self) -> float:
        """Largest over smallest progress of equal lists since the last of them was uploaded.

        Taken when the slowest has ended `HEAD_START` films since then.
        """
        equals = [await self._upload(self._take(EQUAL_FILMS)) for _ in range(EQUALS)]
        before = [course.ended[-1] for course in equals]
        for course, ended in zip(equals, before, strict=True):
            await course.reaches(ended + HEAD_START)
        progress = [course.ended[-1] - ended for course, ended in zip(equals, before, strict=True)]
        return max(progress) / min(progress)

    def _take(self, count: int) -> list[Film]:
        return list(itertools.islice(self._films, count))

    def _large_list(self) -> list[Film]:
        """Films that TMDB has, more than are come to, and then what only makes the list long."""
        known = self._take(KNOWN_OF_LARGE)
        return known + [
            replace(known[0], title=f"Reel {number} of the Large List")
            for number in range(LARGE - len(known))
        ]

    async def _upload(self, films: Sequence[Film]) -> LookupResolver:
        path = await asyncio.to_thread(self._room.write_list, films)
        # Each is another client's: of one with more than four the others would wait.
        upload = await self._bench.upload(path, address=f"127.0.1.{len(self._watchers) + 1}")
        course = LookupResolver(self._bench, upload.session_id, len(films))
        self._watchers.append(self._group.create_task(course.watch()))
        return course

    def stop_watching(self) -> None:
        """Leave the lists that are not completed to themselves."""
        for watcher in self._watchers:
            watcher.cancel()


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """All fleets at once."""
    pick = pick_films(FILMS)

    async def one(daemons: int) -> list[Figure]:
        stand_in = StandIn(films=pick.generated, latency=0.05)
        async with room.stack(stand_in, daemons=daemons) as bench, asyncio.TaskGroup() as group:
            fleet = Fleet(room, bench, pick, group)
            measured = await fleet.measure(daemons)
            fleet.stop_watching()
        return measured.figures()

    fleets = [asyncio.create_task(one(daemons)) for daemons in options.daemons]
    return list(itertools.chain.from_iterable(await asyncio.gather(*fleets)))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    arguments.add_argument("--daemons", type=int, nargs="+", default=[1, 2, 4, 8])
    run(measure, arguments.parse_args())
