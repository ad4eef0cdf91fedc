"""Open streams of events: their memory, and how long after its commit a film is told of.

PostgreSQL says when a film was committed: the moment at which the commit record began to be
written. The streams are read by this process, which shares the processors with everything else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, percentile, spread
from benchmarks.films import pick_films
from benchmarks.harness import Bench, Room, execute, raised, run
from benchmarks.memory import MEGABYTE, MemoryWatch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from local_stack.tmdb.film import Film

REACH_MEDIAN = 0.3
REACH_ALL = 1.0
REACH_MEGABYTES = 60
FILMS = 40
CALM = {"TMDB_RATE_LIMIT": "8", "TMDB_RATE_PERIOD": "1"}
"""About four films a second, as a fleet that has all of TMDB's budget."""
_AT_ONCE = 50


class _Reader(asyncio.Protocol):
    """Notes what comes over one stream, and when; it is read later."""

    def __init__(self, path: str) -> None:
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        self.chunks: list[tuple[float, bytes]] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # TCP's is one
        self.transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self.chunks.append((time.time(), data))

    def has(self, text: bytes) -> bool:
        """Whether the newest of what came has this in it."""
        return any(text in data for _, data in self.chunks[-2:])

    def told(self) -> Iterator[tuple[float, int]]:
        """When each film was told of, by its position."""
        rest = b""
        for moment, data in self.chunks:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.startswith(b'data: {"films"'):
                    for film in json.loads(line.removeprefix(b"data: "))["films"]:
                        yield moment, film["position"]


@dataclass(slots=True)
class _Look:
    """What those who looked on saw.

    Attributes:
        megabytes: that the API grew by at most.
        delays: from a film's commit to each stream, in seconds.
        slowest: of each film, to the last stream.
    """

    megabytes: float
    delays: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)


async def measure(room: Room, options: argparse.Namespace) -> Sequence[Figure]:
    """One stream; many of one session; and many of as many sessions that list the same films."""
    one = await _look(room, streams=1, sessions=1)
    shared = await _look(room, streams=options.streams, sessions=1)
    apart = await _look(room, streams=options.streams, sessions=options.streams)
    return [
        Figure(
            f"commit to event, one stream, {len(one.delays)} films",
            _delays(one.delays),
            f"median <= {1000 * REACH_MEDIAN:.0f} ms",
            percentile(one.delays, 50) <= REACH_MEDIAN,
        ),
        *_figures(f"{options.streams} streams of one session", shared),
        *_figures(f"{options.streams} streams of a session each", apart),
    ]


def _figures(what: str, look: _Look) -> list[Figure]:
    return [
        Figure(
            f"memory of the API, {what}",
            f"{look.megabytes:.0f} MB more than with none",
            f"<= {REACH_MEGABYTES} MB",
            look.megabytes <= REACH_MEGABYTES,
        ),
        Figure(f"commit to event, {what}", _delays(look.delays)),
        Figure(
            f"commit to the last of them, {len(look.slowest)} films",
            _delays(look.slowest),
            f"all <= {REACH_ALL:.0f} s",
            max(look.slowest) <= REACH_ALL,
        ),
    ]


def _delays(seconds: Sequence[float]) -> str:
    milliseconds = [1000 * value for value in seconds]
    return f"{spread(milliseconds, 'ms', 0)}, p95 {percentile(milliseconds, 95):.0f} ms"


async def _look(room: Room, *, streams: int, sessions: int) -> _Look:
    pick = pick_films(FILMS)
    async with room.stack(raised(films=pick.generated), CALM, daemons=0) as bench:
        ids = await _sessions(room, bench, pick.films, sessions)
        async with MemoryWatch(bench.stack.api.pid) as memory:
            readers = await _open(bench, [ids[number % sessions] for number in range(streams)])
            await bench.stack.add_daemon()
            await _until_all_have(readers, b'"status":"completed"')
        look = _Look(memory.growth / MEGABYTE)
        committed = await _committed(bench, ids[0])
        by_film = defaultdict(list)
        for reader in readers:
            for moment, position in reader.told():
                by_film[position].append(moment - committed[position])
            if reader.transport:
                reader.transport.abort()
    look.delays = [delay for delays in by_film.values() for delay in delays]
    look.slowest = [max(delays) for delays in by_film.values()]
    return look


async def _sessions(room: Room, bench: Bench, films: Sequence[Film], count: int) -> list[str]:
    """Sessions with the same films; the ids."""
    upload = await bench.upload(room.write_list(films))
    first = upload.session_id
    await execute(
        bench.stack.dsn,
        f"""
        with session as (
          insert into sessions (id)
          select gen_random_uuid() from generate_series(2, {count})
          returning id
        )
        insert into session_counts (session_id, total)
        select id, {FILMS} from session
        """,  # noqa: S608  # numbers
        f"""
        insert into movies (
          session_id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked,
          tags, in_watchlist, lists
        )
        select
          id, position, lookup_id, title, year, watched, watch_dates, rewatches, liked, tags,
          in_watchlist, lists
        from movies, sessions
        where session_id = '{first}' and id <> '{first}'
        """,  # noqa: S608  # an id
        "analyze",
    )
    await bench.get(f"/api/session/{first}/status")
    rows = await bench.fetch("select id::text from sessions order by id::text <> $1", first)
    return [row["id"] for row in rows]


async def _open(bench: Bench, session_ids: Sequence[str]) -> list[_Reader]:
    loop = asyncio.get_running_loop()
    readers: list[_Reader] = []
    for start in range(0, len(session_ids), _AT_ONCE):
        opened = []
        for session_id in session_ids[start : start + _AT_ONCE]:
            made = partial(_Reader, f"/api/session/{session_id}/events")
            _, reader = await loop.create_connection(made, "127.0.0.1", bench.stack.api_port)
            opened.append(reader)
        await _until_all_have(opened, b"event: films")
        readers += opened
    return readers


async def _until_all_have(readers: Sequence[_Reader], text: bytes) -> None:
    while not all(reader.has(text) for reader in readers):  # noqa: ASYNC110  # it is looked for
        await asyncio.sleep(0.05)


async def _committed(bench: Bench, session_id: str) -> dict[int, float]:
    """When each film of a session was committed, by its position."""
    rows = await bench.fetch(
        """
        select
          position,
          extract(epoch from pg_xact_commit_timestamp(lookups.xmin))::float8 as committed_at
        from movies
        join lookups on lookups.id = lookup_id
        where session_id = $1::text::uuid
        """,
        session_id,
    )
    return {row["position"]: row["committed_at"] for row in rows}


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.streams", description=__doc__)
    arguments.add_argument("--streams", type=int, default=1000)
    run(measure, arguments.parse_args(), {"track_commit_timestamp": "on"})
