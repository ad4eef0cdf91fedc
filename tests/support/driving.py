"""Drives the running services from a test: as a user over HTTP, and over SQL as an auditor."""

from __future__ import annotations

import asyncio
import csv
import inspect
import io
import itertools
import json
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg

from local_stack.stack import Stack, StandIn
from local_stack.tmdb.film import FIRST_MADE_UP_ID, load_films
from local_stack.tmdb.generator import FIRST_ID, generate_films
from tests.guarantees import violations
from tests.support.guarantee import ANY_BUDGET, Moment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping
    from pathlib import Path

    from local_stack.postgres import EmbeddedPostgres
    from local_stack.tmdb.film import Film

PATIENCE_SECONDS = 60.0
ADMIN_TOKEN = "let-me-in-please"
LIMIT = 400
"""Requests a second, so that no test waits for the budget."""
MADE_UP = 5000
TEMPORARY = "temporary"
"""Folder beside the logs, in which the API keeps uploads under way."""
CONCURRENCY = 20
"""`ENRICH_CONCURRENCY` as it is by default: the most films that one daemon can pay for twice."""
_KNOWN_TO_MANY = 50
_POLL_SECONDS = 0.02
_numbers = itertools.count(1)


async def until(condition: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until a condition holds, which may be a coroutine's; fail when it does not come to."""
    deadline = time.monotonic() + seconds
    while True:
        holds = condition()
        if await holds if inspect.isawaitable(holds) else holds:
            return
        assert time.monotonic() < deadline, f"what was waited for did not happen in {seconds} s"
        await asyncio.sleep(_POLL_SECONDS)


async def create_database(server: EmbeddedPostgres, *, template: str = "template1") -> str:
    """Make a database, without any schema unless the template has one; its address."""
    name = f"driven_{next(_numbers)}"
    connection = await asyncpg.connect(server.dsn())
    try:
        await connection.execute(f"create database {name} template {template} strategy file_copy")
    finally:
        await connection.close()
    return server.dsn(name)


def plain_films(count: int) -> list[Film]:
    """Bundled films that anybody finds, each the only one of its title and year."""
    films = [film for film in _plain(load_films()) if film.id < FIRST_MADE_UP_ID]
    assert len(films) >= count
    return films[:count]


def made_up_films() -> list[Film]:
    """Films just as plain, well over two thousand, of a stand-in that makes `MADE_UP` up."""
    everything = [*load_films(), *generate_films(MADE_UP, seed=1)]
    return [film for film in _plain(everything) if FIRST_ID <= film.id < FIRST_MADE_UP_ID]


def _plain(films: Iterable[Film]) -> list[Film]:
    alike: dict[tuple[str, int | None], list[Film]] = {}
    for film in films:
        alike.setdefault((film.title.casefold(), film.year), []).append(film)
    return [
        film
        for (film, *others) in alike.values()
        if not others and film.year and film.vote_count >= _KNOWN_TO_MANY
    ]


def title_list(films: Iterable[Film]) -> bytes:
    """A plain list of these films, to be uploaded."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(("Title", "Year"))
    rows.writerows((film.title, film.year) for film in films)
    return text.getvalue().encode()


def folder_form(folder: Path) -> aiohttp.FormData:
    """Every CSV file below a folder in one form, each under its path there."""
    form = aiohttp.FormData(quote_fields=False)
    for path in sorted(folder.rglob("*.csv")):
        name = path.relative_to(folder).as_posix()
        form.add_field("files", path.read_bytes(), filename=name, content_type="text/csv")
    return form


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered."""

    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]


class Driver:
    """A user, an operator and an auditor of one running stack."""

    def __init__(self, stack: Stack, http: aiohttp.ClientSession) -> None:
        self.stack = stack
        self.http = http
        self.sessions: set[str] = set()
        """All the sessions that there should be."""
        self._marks: dict[str, int] = {}
        self._paid_before = 0

    async def begin(self) -> None:
        """Let what has happened so far count no more: events, and films paid for twice."""
        for log in self.stack.folder.iterdir():
            self._marks[log.name] = log.stat().st_size
        self._paid_before = await self._paid_in_all()

    # -- the user ----------------------------------------------------------------------------------

    async def call(self, method: str, path: str, **options: Any) -> Answer:  # noqa: ANN401  # aiohttp's own
        """Send a request to the API; a 500 is a failed test, whoever asks."""
        async with self.http.request(method, self.stack.api_url + path, **options) as response:
            text = await response.text()
            assert response.status != 500, f"{method} {path}: {text}"
            body = json.loads(text) if text.startswith("{") else {}
            return Answer(response.status, body, response.headers)

    async def post_list(self, body: bytes, **headers: str) -> Answer:
        """Upload a list as the body itself."""
        return self._noted(
            await self.call(
                "POST",
                "/api/upload",
                data=body,
                headers={"Content-Type": "text/csv"}
                | {name.replace("_", "-"): value for name, value in headers.items()},
            )
        )

    async def post_folder(self, folder: Path) -> Answer:
        """Upload every CSV file below a folder in one request."""
        return self._noted(await self.call("POST", "/api/upload", data=folder_form(folder)))

    def _noted(self, answer: Answer) -> Answer:
        if answer.status == 201:
            self.sessions.add(answer.body["session_id"])
        return answer

    async def upload(self, films: Iterable[Film]) -> str:
        """Upload a list that must be taken; the id of its session."""
        answer = await self.post_list(title_list(films))
        assert answer.status == 201, answer
        return str(answer.body["session_id"])

    async def status(self, session_id: str) -> dict[str, Any]:
        """A session's status."""
        answer = await self.call("GET", f"/api/session/{session_id}/status")
        assert answer.status == 200, answer
        return answer.body

    async def completed(
        self, session_id: str, *, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """Wait until a session is completed, through outages too; its status."""
        answer: Answer | None = None

        async def is_completed() -> bool:
            nonlocal answer
            answer = await self.call("GET", f"/api/session/{session_id}/status")
            assert answer.status in {200, 503}, answer
            return answer.body.get("status") == "completed"

        await until(is_completed, seconds=seconds)
        assert answer is not None
        return answer.body

    @asynccontextmanager
    async def at_address(self, address: str) -> AsyncIterator[Driver]:
        """Yield a user at another address of this machine, whom the API takes for another client.

        Args:
            address: in 127.0.0.0/8.
        """
        connector = aiohttp.TCPConnector(local_addr=(address, 0))
        async with aiohttp.ClientSession(connector=connector) as http:
            other = Driver(self.stack, http)
            other.sessions = self.sessions
            yield other

    async def ended(self, session_id: str, films: int) -> None:
        """Wait until so many films of a session have an outcome."""

        async def enough() -> bool:
            status = await self.status(session_id)
            names = ("enriched_count", "not_found_count", "failed_count")
            return sum(int(status[name]) for name in names) >= films

        await until(enough)

    async def movies(self, session_id: str) -> list[dict[str, Any]]:
        """All movies of a session, page by page."""
        movies: list[dict[str, Any]] = []
        query = {"limit": "1000"}
        while True:
            answer = await self.call("GET", f"/api/session/{session_id}/movies", params=query)
            assert answer.status == 200, answer
            movies += answer.body["movies"]
            if answer.body["next_cursor"] is None:
                return movies
            query["cursor"] = answer.body["next_cursor"]

    def uploads_on_disk(self) -> list[str]:
        """Names of the folders in which uploads are kept while they are under way."""
        return [path.name for path in (self.stack.folder.parent / TEMPORARY).iterdir()]

    # -- the operator ------------------------------------------------------------------------------

    async def worker_status(self) -> dict[str, Any]:
        """The fleet."""
        return (await self.call("GET", "/worker/status")).body

    async def tmdb_is(self, state: str) -> None:
        """Wait until the fleet takes TMDB to be `up`, `down` or `refused`."""

        async def is_so() -> bool:
            return bool((await self.worker_status())["tmdb"]["state"] == state)

        await until(is_so)

    def events(self, name: str, log: str = "enrich.log") -> list[dict[str, Any]]:
        """The log's events of one name; what is no event (a traceback, say) is passed over."""
        path = self.stack.folder / log
        if not path.exists():
            return []
        lines = path.read_bytes()[self._marks.get(log, 0) :].decode().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event["event"] == name]

    # -- the other side of TMDB --------------------------------------------------------------------

    async def go_wrong(self, *rules: dict[str, object]) -> None:
        """Let the stand-in follow these fault rules from now on; none is no faults."""
        await self._control("PUT", "faults", json=rules)

    async def set_latency(self, seconds: float) -> None:
        """Let each answer take its time."""
        await self._control("PUT", "options", json={"latency": seconds})

    async def slow_down(self) -> None:
        """Let answers take their time, each its own, so that something is always in flight."""
        await self.set_latency(0.15)
        await self.go_wrong({"match": "/3/", "kind": "delay", "seconds": 0.2, "probability": 0.5})

    async def speed_up(self) -> None:
        """Let answers come at once."""
        await self.set_latency(0.0)
        await self.go_wrong()

    async def report(self) -> dict[str, Any]:
        """What the stand-in counted, and when each request arrived."""
        return await self._control("GET", "report?arrivals=1")

    async def _control(self, method: str, what: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # aiohttp's own
        url = f"{self.stack.tmdb_url}/_stand_in/{what}"
        async with self.http.request(method, url, raise_for_status=True, **options) as response:
            answer: dict[str, Any] = await response.json()
            return answer

    # -- the auditor -------------------------------------------------------------------------------

    async def fetch(self, query: str, *args: object) -> list[asyncpg.Record]:
        """Rows from the database, over a connection of its own."""
        connection = await asyncpg.connect(self.stack.dsn)
        try:
            return await connection.fetch(query, *args)
        finally:
            await connection.close()

    async def value(self, query: str, *args: object) -> Any:  # noqa: ANN401  # any SQL type
        """One value from the database."""
        return (await self.fetch(query, *args))[0][0]

    async def claims(self) -> int:
        """How many lookups are claimed at this moment."""
        return int(await self.value("select count(*) from lookups where claimed_by is not null"))

    async def audit(self) -> None:
        """Check that everything has ended, nothing is lost and nothing is counted twice."""
        there = await self.fetch("select id::text from sessions")
        assert {row["id"] for row in there} == self.sessions
        connection = await asyncpg.connect(self.stack.dsn)
        try:
            found = await violations(connection, Moment.AT_REST, ANY_BUDGET)
            assert found == [], found
        finally:
            await connection.close()

    async def paid_twice(self) -> int:
        """How many films TMDB was asked for again since `begin`, though once would have done.

        A plain film is asked for with one search, by which it is begun; whoever begins it anew
        spends one or two requests of the budget for a second time.
        """
        return await self._paid_in_all() - self._paid_before

    async def _paid_in_all(self) -> int:
        begun = int((await self.report())["by_route"].get("search_movie", 0))
        return begun - int(await self.value("select count(*) from lookups"))


@asynccontextmanager
async def running(
    dsn: str,
    folder: Path,
    *,
    stand_in: StandIn | None = None,
    daemons: int = 1,
    api_dsn: str | None = None,
    daemon_dsn: str | None = None,
    **settings: str,
) -> AsyncIterator[Driver]:
    """Run both services over a database, and drive them.

    Args:
        dsn: the database, migrated.
        folder: for logs, and for the temporary files of uploads.
        stand_in: how TMDB's stand-in is run; by default it admits `LIMIT` requests a second.
        daemons: how many are started.
        api_dsn, daemon_dsn: the same database by another role's name, for that service.
        settings: environment of both services.
    """
    temporary = folder / TEMPORARY
    temporary.mkdir()
    budget = stand_in or StandIn(limit=LIMIT, period=1.0)
    env = {
        "TMDB_RATE_LIMIT": str(budget.limit),
        "TMDB_RATE_PERIOD": str(budget.period),
        "ADMIN_TOKEN": ADMIN_TOKEN,
        "TMPDIR": str(temporary),
        **settings,
    }
    stack = Stack(
        dsn,
        folder / "logs",
        stand_in=budget,
        env=env,
        daemons=daemons,
        api_dsn=api_dsn,
        daemon_dsn=daemon_dsn,
    )
    async with stack, aiohttp.ClientSession() as http:
        yield Driver(stack, http)
