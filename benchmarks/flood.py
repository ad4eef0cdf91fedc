"""One client floods, and another is served beside it; and what the limits cost a status read."""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from api_service.context import CLIENTS
from api_service.http.admission import identify_client, refuse_cross_site
from api_service.limits.client_identity import Clients
from api_service.limits.client_limits import UPLOADS_AT_A_STRETCH
from benchmarks.figures import Figure, spread
from benchmarks.harness import Bench, Room, at_address, run
from local_stack.stack import LIFTED, StandIn
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOODER, NEIGHBOUR = "127.0.2.1", "127.0.2.2"
AT_ONCE = 4
FILMS = 20
CALLS = 20_000
READS = 500
REACH_NEIGHBOUR = 0.5
REACH_SHARE = 0.1
"""Of a status read, which the limits may cost."""
DEFAULTS = {name: str(Settings.model_fields[name.lower()].default) for name in LIFTED}


def _list(name: str) -> bytes:
    return "\n".join(["Title,Year", *(f"{name} {number},1990" for number in range(FILMS))]).encode()


async def _upload(bench: Bench, address: str, name: str) -> tuple[int, float]:
    """Upload a list from an address; the status of the answer, and seconds."""
    start = time.perf_counter()
    async with (
        at_address(address) as http,
        http.post(
            f"{bench.stack.api_url}/api/upload",
            data=_list(name),
            headers={"Content-Type": "text/csv"},
        ) as answer,
    ):
        await answer.read()
        return answer.status, time.perf_counter() - start


async def _flood(bench: Bench, uploads: int) -> tuple[Counter[int], float, list[float]]:
    """What became of so many uploads, in how many seconds, and those of another client beside."""
    numbers = iter(range(uploads))
    statuses: Counter[int] = Counter()
    beside: list[float] = []
    start = time.perf_counter()

    async def stranger() -> None:
        for number in numbers:
            status, _ = await _upload(bench, FLOODER, f"Flood {number}")
            statuses[status] += 1

    async def neighbour() -> None:
        for number in range(5):
            status, seconds = await _upload(bench, NEIGHBOUR, f"Neighbour {number}")
            if status == web.HTTPCreated.status_code:
                beside.append(seconds)

    flood = asyncio.gather(*(stranger() for _ in range(AT_ONCE)))
    await neighbour()
    await flood
    return statuses, time.perf_counter() - start, beside


async def _cost() -> float:
    """Seconds that a request spends on being told apart."""
    settings = Settings(
        _env_file=None,
        database_url="postgresql:///x",
        trusted_proxies="10.0.0.0/8, 172.16.0.0/12, 127.0.0.0/8",
    )

    async def key() -> bytes:
        return b""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response()

    app = web.Application()
    app[CLIENTS] = Clients(settings, key)
    headers = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7, 10.0.0.2"}
    request = make_mocked_request("GET", "/", headers=headers, app=app)

    async def limited(request: web.Request) -> web.StreamResponse:
        return await refuse_cross_site(request, answer)

    times: list[float] = []
    for through in (identify_client, None):
        start = time.perf_counter()
        for _ in range(CALLS):
            await (through(request, limited) if through else answer(request))
        times.append(time.perf_counter() - start)
    return (times[0] - times[1]) / CALLS


async def _status_read(bench: Bench, session_id: str) -> float:
    """Seconds of a status read, one after another; the median."""
    taken = []
    for _ in range(READS):
        start = time.perf_counter()
        await bench.get(f"/api/session/{session_id}/status")
        taken.append(time.perf_counter() - start)
    return sorted(taken)[READS // 2]


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """A flood over the default limits, then the cost of telling clients apart."""
    async with room.stack(StandIn(), DEFAULTS, daemons=0) as bench:
        statuses, seconds, beside = await _flood(bench, options.uploads)
        path = room.folder / "one.csv"
        await asyncio.to_thread(path.write_bytes, _list("One"))
        upload = await bench.upload(path, address="127.0.2.3")
        read = await _status_read(bench, upload.session_id)
    cost = await _cost()
    taken, refused = statuses.pop(201, 0), statuses.pop(429, 0)
    return [
        Figure(
            f"{options.uploads} uploads of one client in {seconds:.1f} s",
            f"{taken} taken, {refused} refused, others: {dict(statuses)}",
            f"{UPLOADS_AT_A_STRETCH} taken, and one more a minute; the rest 429",
            0 <= taken - UPLOADS_AT_A_STRETCH <= 1 + seconds / 60 and not statuses,
        ),
        Figure(
            f"an upload of {FILMS} films of another client meanwhile, {len(beside)} of 5 taken",
            spread(beside, "s", 2),
            f"<= {REACH_NEIGHBOUR:g} s",
            len(beside) == 5 and max(beside) <= REACH_NEIGHBOUR,  # noqa: PLR2004  # all of them
        ),
        Figure(
            "telling the client of a request behind three hops",
            f"{1e6 * cost:.0f} us of {1e3 * read:.2f} ms: {100 * cost / read:.1f} %",
            f"<= {100 * REACH_SHARE:.0f} %",
            cost <= REACH_SHARE * read,
        ),
    ]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.flood", description=__doc__)
    arguments.add_argument("--uploads", type=int, default=400)
    run(measure, arguments.parse_args())
