"""Everybody at once: whatever races whatever, the counts stay exact and nothing is left behind.

Uploads of overlapping lists, forces, corrections, removals, deletions, pauses and TMDB's changes of
mind run against two working daemons; then all comes to rest and the books are checked. Rounds are
repeated for `RACE_SECONDS`, and until each kind of thing was done at least once. `RACE_SEED`
repeats a run's choices (not its timing).
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import random
import time
from contextlib import AsyncExitStack
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientPayloadError
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from structlog.testing import capture_logs

from enrich_service.storage import StorageService
from enrich_service.tmdb.client import TMDBClient
from enrich_service.worker import EnrichmentWorker
from local_stack.stack import STAND_IN_KEY
from local_stack.tmdb.app import create_app
from local_stack.tmdb.catalogue import Catalogue
from local_stack.tmdb.faults import FAULT_RULES
from local_stack.tmdb.film import load_films
from local_stack.tmdb.generator import generate_films
from local_stack.tmdb.options import StandInOptions
from local_stack.tmdb.state import STAND_IN
from shared.postgres.database import Database
from tests.conftest import QUICK, RunningStandIn
from tests.guarantees import violations
from tests.support.driving import ADMIN_TOKEN, MADE_UP, made_up_films, until
from tests.support.guarantee import ANY_BUDGET, Moment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from aiohttp import web
    from aiohttp.test_utils import TestClient

    from local_stack.tmdb.film import Film
    from shared.settings import Settings

    Api = TestClient[web.Request, web.Application]

RACE_SECONDS = float(os.environ.get("RACE_SECONDS", "15"))
SEED = int(os.environ.get("RACE_SEED", "0")) or random.SystemRandom().randrange(1, 10**9)
ROUND_SECONDS = 3.0
SETTLE_SECONDS = 60.0
CONTENDED = 40
"""Films of a round that every list has some of."""
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
OPTIONS = replace(QUICK, interval=1.0)
DEFECTS = {
    *("session_reconciled", "session_miscounted", "reopening_incomplete", "upload_not_caught_up"),
    *("lookup_crashed", "lookup_task_crashed", "request_crashed", "parser_crashed", "spool_failed"),
}
"""Events that say that something was wrong, even where it was mended."""
GAVE_UP = "PostgreSQL did not answer"
"""What is said of a transaction that was run four times, each time in vain."""
EVERYTHING = {
    *("upload", "upload_twice", "force", "correct", "remove", "delete", "pause"),
    *("change_tmdb", "read", "add", "added", "correct_list", "list_corrected"),
}
"""What every run does; how many rounds that takes depends on what wins which race."""
UNQUIET = "select count(*) from lookups where due_at is not null or claimed_by is not null"


@pytest.fixture
async def tmdb() -> AsyncIterator[RunningStandIn]:
    """A stand-in with thousands of films."""
    catalogue = Catalogue([*load_films(), *generate_films(MADE_UP, seed=1)])
    app = create_app(catalogue, StandInOptions(limit=1000, period=1.0))
    server = TestServer(app)
    await server.start_server()
    yield RunningStandIn(str(server.make_url("")).rstrip("/"), app[STAND_IN])
    await server.close()


@pytest.fixture
async def workers(
    settings: Settings, tmdb: RunningStandIn
) -> AsyncIterator[tuple[EnrichmentWorker, EnrichmentWorker]]:
    """Two daemons at work, each with a pool of its own."""
    async with AsyncExitStack() as exits:
        made = []
        for number in (1, 2):
            database = Database(settings, application_name=f"daemon-{number}")
            storage = StorageService(await exits.enter_async_context(database))
            client = TMDBClient(base_url=tmdb.url, api_key=SecretStr(STAND_IN_KEY))
            await exits.enter_async_context(client)
            made.append(EnrichmentWorker(client, storage, OPTIONS))
            await made[-1].start_scheduler()
            exits.push_async_callback(made[-1].stop_scheduler)
        yield made[0], made[1]


class Round:
    """A few seconds of everybody at once; each actor chooses with a generator of its own."""

    def __init__(
        self,
        api: Api,
        workers: Sequence[EnrichmentWorker],
        tmdb: RunningStandIn,
        films: list[Film],
        seed: str,
    ) -> None:
        self._api = api
        self._workers = workers
        self._tmdb = tmdb
        self._films = films
        self._seed = seed
        self._contended = random.Random(seed).sample(films, CONTENDED)  # noqa: S311  # no secret
        self._sessions: list[str] = []
        self.done: dict[str, int] = {}
        """How often each kind of thing was done."""

    async def run(self) -> None:
        """Let all actors act until the time is over."""
        actors = [
            *(self._upload,) * 4,
            *(self._force,) * 3,
            *(self._correct,) * 3,
            *(self._remove,) * 2,
            *(self._add,) * 3,
            *(self._correct_list,) * 2,
            *(self._delete, self._pause, self._change_tmdb, self._read, self._upload_twice),
        ]
        async with asyncio.timeout(SETTLE_SECONDS), asyncio.TaskGroup() as group:
            end = time.monotonic() + ROUND_SECONDS
            group.create_task(self._upload_everything(random.Random(f"{self._seed} everything")))  # noqa: S311  # no secret
            for number, act in enumerate(actors):
                chance = random.Random(f"{self._seed} {number}")  # noqa: S311  # no secret
                group.create_task(self._keep_acting(act, chance, end))

    async def settle(self) -> None:
        """Take all obstacles away."""
        self._tmdb.state.faults.replace([])
        await self._send("POST", "/worker/resume", {200}, headers=ADMIN)

    async def _keep_acting(
        self,
        act: Callable[[random.Random], Awaitable[None]],
        chance: random.Random,
        end: float,
    ) -> None:
        while time.monotonic() < end:
            await act(chance)
            name = act.__name__.strip("_")
            self.done[name] = self.done.get(name, 0) + 1
            await asyncio.sleep(chance.random() * 0.05)

    async def _send(
        self,
        method: str,
        path: str,
        expected: set[int],
        **options: Any,  # noqa: ANN401  # aiohttp's
    ) -> dict[str, Any]:
        async with self._api.request(method, path, **options) as response:
            text = await response.text()
            assert response.status in expected, f"{method} {path}: {response.status} {text}"
            if response.content_type != "application/json":
                return {}
            answer: dict[str, Any] = await response.json()
            return answer

    # -- the actors --------------------------------------------------------------------------------

    async def _upload(self, chance: random.Random) -> None:
        films = chance.sample(self._contended, chance.randint(3, CONTENDED))
        films += chance.sample(self._films, chance.randint(0, 10))
        await self._post(_list(films, chance))

    async def _upload_everything(self, chance: random.Random) -> None:
        for _ in range(2):
            await self._post(_list(chance.sample(self._films, len(self._films)), chance))

    async def _upload_twice(self, chance: random.Random) -> None:
        """A client that repeats itself: both get one session, or one is asked to wait."""
        body = _list(chance.sample(self._contended, 10), chance)
        key = {"Idempotency-Key": str(chance.getrandbits(64))}
        await asyncio.gather(self._post(body, **key), self._post(body, **key))

    async def _post(self, body: bytes, **headers: str) -> None:
        answer = await self._send(
            *("POST", "/api/upload", {201, 409} if headers else {201}),
            data=body,
            headers={"Content-Type": "text/csv", **headers},
        )
        if answer:
            self._sessions.append(answer["session_id"])

    async def _add(self, chance: random.Random) -> None:
        """More films for a session: some that it has, under a name or an id, and some others."""
        if session_id := self._some_session(chance):
            films = chance.sample(self._contended, chance.randint(1, 15))
            films += chance.sample(self._films, chance.randint(0, 5))
            path = f"/api/session/{session_id}/upload"
            self._note("added", await self._send_list(path, {200, 404, 409}, _list(films, chance)))

    async def _correct_list(self, chance: random.Random) -> None:
        """What was not found or failed is exported, partly corrected, and uploaded again."""
        if not (session_id := self._some_session(chance)):
            return
        path = f"/api/session/{session_id}"
        async with self._api.get(f"{path}/export?outcome=unmatched") as response:
            assert response.status in {200, 404}, await response.text()
            try:
                text = (await response.read()).decode("utf-8-sig")
            except ClientPayloadError:  # it was deleted meanwhile
                return
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        if response.status != HTTPStatus.OK or not rows:
            return
        for row in rows:
            film = chance.choice(self._contended)
            row.update(
                chance.choice(
                    [{}, {"TMDb ID": str(film.id)}, {"Title": film.title, "Year": str(film.year)}]
                )
            )
        body = io.StringIO()
        table = csv.DictWriter(body, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
        # 422: every movie of the list was removed meanwhile.
        statuses = {200, 404, 409, 422}
        answer = await self._send_list(f"{path}/upload", statuses, body.getvalue().encode())
        self._note("list_corrected", answer)

    async def _send_list(self, path: str, expected: set[int], body: bytes) -> dict[str, Any]:
        headers = {"Content-Type": "text/csv"}
        return await self._send("POST", path, expected, data=body, headers=headers)

    def _note(self, done: str, answer: dict[str, Any]) -> None:
        """Count what was really done, and not refused because of what others did."""
        if answer:
            self.done[done] = self.done.get(done, 0) + 1

    async def _force(self, chance: random.Random) -> None:
        if session_id := self._some_session(chance):
            await self._send("POST", f"/api/session/{session_id}/enrich", {202, 404})

    async def _correct(self, chance: random.Random) -> None:
        """A user says which film it is: one of the list's own, another, or one there is not."""
        if not (session_id := self._some_session(chance)):
            return
        film = chance.choice(self._contended)
        correction: dict[str, object] = chance.choice(
            [
                {"tmdb_id": film.id},
                {"imdb_id": film.imdb_id},
                {"tmdb_id": chance.choice(self._films).id},
                {"tmdb_id": chance.randint(2_000_000_000, 2_000_000_020)},
                {"imdb_id": f"tt99999{chance.randint(10, 30)}"},
            ]
        )
        path = f"/api/session/{session_id}/movies/{chance.randint(1, 20)}/match"
        await self._send("PUT", path, {200, 404}, json=correction)

    async def _remove(self, chance: random.Random) -> None:
        if session_id := self._some_session(chance):
            path = f"/api/session/{session_id}/movies/{chance.randint(1, 30)}/match"
            await self._send("DELETE", path, {204, 404})

    async def _delete(self, chance: random.Random) -> None:
        if session_id := self._some_session(chance):
            await self._send("DELETE", f"/api/session/{session_id}", {204, 404})
            await asyncio.sleep(0.1)

    async def _pause(self, chance: random.Random) -> None:
        await self._send("POST", "/worker/pause", {200}, headers=ADMIN)
        await asyncio.sleep(chance.random() * 0.1)
        await self._send("POST", "/worker/resume", {200}, headers=ADMIN)
        await asyncio.sleep(0.3)

    async def _change_tmdb(self, chance: random.Random) -> None:
        """Films come and go and some answers are broken: asked again, lookups end otherwise."""
        gone = chance.sample(self._contended, CONTENDED // 2)
        broken = chance.sample(self._contended, CONTENDED // 4)
        rules = [_rule(film, kind="status", status=404) for film in gone]
        rules += [_rule(film, kind="status", status=500, probability=0.7) for film in broken]
        self._tmdb.state.faults.replace(FAULT_RULES.validate_python(rules))
        await asyncio.sleep(0.2)

    async def _read(self, chance: random.Random) -> None:
        if session_id := self._some_session(chance):
            status = await self._send("GET", f"/api/session/{session_id}/status", {200, 404})
            if status:
                names = ("enriched_count", "not_found_count", "failed_count")
                ended = sum(status[name] for name in names)
                assert (ended == status["total_movies"]) == (status["status"] == "completed")

    def _some_session(self, chance: random.Random) -> str | None:
        # The newest are the ones that something still happens to.
        return chance.choice(self._sessions[-12:]) if self._sessions else None


def _rule(film: Film, **fault: object) -> dict[str, object]:
    return {"match": rf"/3/movie/({film.id}|{film.imdb_id})\?", **fault}


def _list(films: Sequence[Film], chance: random.Random) -> bytes:
    """A list that knows films by title and year, by TMDB id or by IMDb id, or by a wrong id."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("Title", "Year", "tmdbID", "imdbID"))
    for film in films:
        how = chance.random()
        tmdb_id = film.id if how < 0.1 else 2_000_000_000 + film.id % 50 if how < 0.15 else ""
        rows.writerow((film.title, film.year, tmdb_id, film.imdb_id if how > 0.9 else ""))
    return text.getvalue().encode()


@pytest.mark.timeout(120 + 10 * RACE_SECONDS)
async def test_whatever_races_whatever_the_books_are_right(
    api: Api,
    workers: tuple[EnrichmentWorker, EnrichmentWorker],
    tmdb: RunningStandIn,
    database: Database,
) -> None:
    films = made_up_films()
    end = time.monotonic() + RACE_SECONDS
    number = 0
    done: dict[str, int] = {}
    with capture_logs() as log:
        while time.monotonic() < end or not done.keys() >= EVERYTHING:
            number += 1
            playing = Round(api, workers, tmdb, films, f"{SEED} {number}")
            try:
                await playing.run()
                await playing.settle()
                await until(lambda: _is_quiet(database), seconds=SETTLE_SECONDS)
                assert await violations(database, Moment.AT_REST, ANY_BUDGET) == []
                assert [event for event in log if _is_trouble(event)] == []
            except BaseException as error:
                error.add_note(f"round {number} of RACE_SEED={SEED}; done so far: {playing.done}")
                raise
            for name, times in playing.done.items():
                done[name] = done.get(name, 0) + times
    assert done.keys() == EVERYTHING


async def _is_quiet(database: Database) -> bool:
    return bool(await database.fetchval(UNQUIET) == 0)


def _is_trouble(event: object) -> bool:
    assert isinstance(event, dict)
    return event["event"] in DEFECTS or GAVE_UP in str(event)
