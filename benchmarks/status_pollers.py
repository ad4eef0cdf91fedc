"""Clients that read their status once a second, in a process of their own.

So a wait that they see is the service's and not that of other clients in the same process.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.harness import at_address

if TYPE_CHECKING:
    from collections.abc import Sequence

GONE = (aiohttp.ClientError, ConnectionError, TimeoutError)


def address_of(number: int) -> str:
    """Return the source address of a poller."""
    return f"127.1.{number // 200}.{number % 200 + 1}"


async def poll_in_process(
    url: str, sessions: Sequence[str], seconds: float
) -> tuple[list[float], Counter[str], int]:
    """Have each session polled by a client of its own.

    Returns:
        The seconds of each read, how often each status was answered (`gone` where there was no
        answer), and how many 503s came without Retry-After.

    Raises:
        RuntimeError: the process failed.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.status_pollers"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    asked = json.dumps({"url": url, "sessions": list(sessions), "seconds": seconds})
    said, _ = await process.communicate(asked.encode())
    if process.returncode:
        raise RuntimeError("the pollers ended with an error")
    answer = json.loads(said)
    return answer["seconds"], Counter(answer["statuses"]), answer["bare"]


async def _poll(url: str, sessions: Sequence[str], seconds: float) -> dict[str, object]:
    taken: list[float] = []
    statuses: Counter[str] = Counter()
    bare = 0
    dice = random.Random(1)  # noqa: S311  # moments, no secrets
    end = time.perf_counter() + seconds

    async def poll(number: int, session_id: str) -> None:
        nonlocal bare
        async with at_address(address_of(number)) as http:
            await asyncio.sleep(dice.random())
            while (start := time.perf_counter()) < end:
                try:
                    async with http.get(f"{url}/api/session/{session_id}/status") as answer:
                        await answer.read()
                        taken.append(time.perf_counter() - start)
                        statuses[str(answer.status)] += 1
                        bare += answer.status == 503 and "Retry-After" not in answer.headers  # noqa: PLR2004  # HTTP's
                except GONE:
                    statuses["gone"] += 1
                await asyncio.sleep(max(0.0, start + 1 - time.perf_counter()))

    async with asyncio.TaskGroup() as group:
        for number, session_id in enumerate(sessions):
            group.create_task(poll(number, session_id))
    return {"seconds": taken, "statuses": statuses, "bare": bare}


def main() -> None:
    """Poll as standard input says, and print what was seen."""
    print(json.dumps(asyncio.run(_poll(**json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
