"""The page in a real browser: bytes, paint, shifts, how live it is, and ten thousand films."""

from __future__ import annotations

import argparse
import asyncio
import statistics
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, percentile, spread
from benchmarks.films import pick_films
from benchmarks.harness import RAISED_SETTINGS, Bench, Room, raised, run
from benchmarks.looking import looking
from local_stack.browser import MISSING, find_chromium, open_chromium
from local_stack.instant import answer_at_once
from local_stack.stack import StandIn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.async_api import Browser

REACH_BYTES = 100_000
REACH_PAINT = 0.5
REACH_SHIFT = 0.02
REACH_SEEN = 0.3
REACH_TASK = 0.2
SLOW_LIMIT = 8
"""Requests a second, so that four films come in each."""
_SCROLL_SECONDS = 8.0


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """Each load has a cache of its own, empty; the services are on the same machine."""
    if find_chromium() is None:
        return [Figure("the page", MISSING)]
    async with open_chromium() as browser:
        return [
            *await _first_view(room, browser, options.loads),
            *await _large_list(room, browser, options),
            *await _liveness(room, browser, options.live_films),
        ]


async def _first_view(room: Room, browser: Browser, loads: int) -> list[Figure]:
    """The start page, whose bytes are all that a first visit needs."""
    async with room.stack(raised(), RAISED_SETTINGS, daemons=0) as bench:
        paints, shifts, sizes, hosts = [], [], [], set()
        for _ in range(loads):
            async with looking(browser, bench.stack.api_url) as looks:
                await looks.open("/")
                paints.append(await looks.measured("paint") / 1000)
                shifts.append(await looks.measured("shift"))
                sizes.append(sum(looks.transfer.by_host.values()))
                hosts |= set(looks.transfer.by_host)
        own = {bench.stack.api_url.partition("//")[2]}
    return [
        Figure(
            "first view, bytes transferred with headers",
            f"{max(sizes)}, from {'its own host alone' if hosts == own else sorted(hosts)}",
            f"<= {REACH_BYTES}, no other host",
            max(sizes) <= REACH_BYTES and hosts == own,
        ),
        _paint("first view", paints),
        _shift("first view", max(shifts)),
    ]


async def _large_list(room: Room, browser: Browser, options: argparse.Namespace) -> list[Figure]:
    """The overview and the films of a long list that is complete."""
    pick = pick_films(options.films)
    async with room.stack(raised(films=pick.generated), RAISED_SETTINGS, daemons=0) as bench:
        session_id = (await bench.upload(room.write_list(pick.films))).session_id
        await answer_at_once(bench.stack.dsn, pick.films)
        address = f"/session/{session_id}"
        figures = []
        for name in ("overview", "films"):
            paints, shifts = [], []
            for _ in range(options.loads):
                async with looking(browser, bench.stack.api_url) as looks:
                    await looks.open(f"{address}?view={name}")
                    paints.append(await looks.measured("paint") / 1000)
                    shifts.append(await looks.measured("shift"))
            figures += [
                _paint(f"{name} of {options.films} films", paints),
                _shift(f"{name} of {options.films} films", max(shifts)),
            ]
        for layout in ("Posters", "Table"):
            figures += await _scrolling(browser, bench, f"{address}?view=films", layout)
    return figures


async def _scrolling(browser: Browser, bench: Bench, address: str, layout: str) -> list[Figure]:
    name = layout.lower()
    async with looking(browser, bench.stack.api_url) as looks:
        await looks.page.goto(address)
        await looks.page.get_by_role("button", name=layout).click()
        await looks.settle()
        gaps, elements = await looks.scroll_through(_SCROLL_SECONDS)
        await looks.settle()
        longest = await looks.measured("longest") / 1000
        shift = await looks.measured("shift")
    return [
        Figure(
            f"{name}, scrolled to its end in {_SCROLL_SECONDS:.0f} s: longest task",
            f"{1000 * longest:.0f} ms",
            f"<= {1000 * REACH_TASK:.0f} ms",
            longest <= REACH_TASK,
        ),
        Figure(
            f"{name}: between frames",
            f"median {statistics.median(gaps):.0f} ms, p95 {percentile(gaps, 95):.0f} ms, "
            f"{len(gaps)} frames",
        ),
        Figure(f"{name}: elements at the most", str(elements)),
        _shift(f"{name}, scrolled through while posters load", shift),
    ]


async def _liveness(room: Room, browser: Browser, films: int) -> list[Figure]:
    """A list that fills at four films a second before somebody's eyes."""
    pick = pick_films(films)
    settings = {"TMDB_RATE_LIMIT": str(SLOW_LIMIT), "TMDB_RATE_PERIOD": "1"}
    stand_in = StandIn(films=pick.generated, latency=0.05, limit=SLOW_LIMIT, period=1.0)
    async with room.stack(stand_in, settings) as bench:
        async with looking(browser, bench.stack.api_url, texts=True) as looks:
            upload = await bench.upload(room.write_list(pick.films))
            await looks.page.goto(f"/session/{upload.session_id}")
            await bench.wait_until_completed(upload.session_id)
            await asyncio.sleep(1)  # the last film may be on its way
            shift = await looks.measured("shift")
            seen = await looks.seen()
        waited = await _waited(bench, upload.session_id, seen)
    return [
        Figure(
            f"film saved to seen, {len(waited)} of {films} films",
            f"{spread([1000 * seconds for seconds in waited], 'ms', 0)}, "
            f"p95 {1000 * percentile(waited, 95):.0f} ms",
            f"median <= {1000 * REACH_SEEN:.0f} ms",
            statistics.median(waited) <= REACH_SEEN,
        ),
        _shift("progress, from its first film to the overview", shift),
    ]


async def _waited(bench: Bench, session_id: str, seen: dict[str, float]) -> list[float]:
    """Seconds from each film's answer, by the database's clock, until its caption was there.

    Films that were answered before the page was there to see them are left out.
    """
    rows = await bench.fetch(
        """
        select
          movies.title || coalesce(' (' || year || ')', '') as caption,
          extract(epoch from answered_at)::float8 as answered_at
        from movies
        join lookups on lookups.id = lookup_id
        where session_id = $1::text::uuid and outcome = 'found'
        """,
        session_id,
    )
    first = min(seen.values(), default=0.0)
    return [
        seen[row["caption"]] - row["answered_at"]
        for row in rows
        if row["caption"] in seen and row["answered_at"] > first + 1
    ]


def _paint(name: str, seconds: Sequence[float]) -> Figure:
    return Figure(
        f"{name}: largest contentful paint, {len(seconds)} loads",
        spread(seconds, "s", 2),
        f"median <= {REACH_PAINT} s",
        statistics.median(seconds) <= REACH_PAINT,
    )


def _shift(name: str, shift: float) -> Figure:
    return Figure(
        f"{name}: layout shift", f"{shift:.4f}", f"<= {REACH_SHIFT}", shift <= REACH_SHIFT
    )


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    arguments.add_argument("--loads", type=int, default=9)
    arguments.add_argument("--films", type=int, default=10_000)
    arguments.add_argument("--live-films", type=int, default=100)
    run(measure, arguments.parse_args())
