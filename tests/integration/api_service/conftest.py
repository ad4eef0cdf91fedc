"""What the API's tests share: uploading, reading back, answering lookups, and what is stored."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from api_service.app import create_app
from api_service.context import PARSER
from api_service.parser_pool import ParserPool
from enrich_service.storage import StorageService
from enrich_service.storage.completions import Completion, Film
from enrich_service.storage.fleet import Heartbeat
from shared.database import Database
from shared.models import Channel, Outcome
from shared.settings import Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
    from pathlib import Path
    from typing import Self

    from aiohttp import ClientResponse, web

    from local_stack.postgres import EmbeddedPostgres

    Client = TestClient[web.Request, web.Application]
    Until = Callable[[Callable[[], object]], Awaitable[None]]

CSV = {"Content-Type": "text/csv"}
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Raw:
    """An answer as it came: its status, its head in lower case, and its body."""

    status: int
    head: str
    body: bytes

    @property
    def code(self) -> str:
        """The code of the problem that it is."""
        assert "content-type: application/problem+json" in self.head, self
        return str(json.loads(self.body)["code"])


class Service:
    """The API as a client sees it, and the database under it.

    Attributes:
        client: speaks to the API over HTTP.
        database: what it stores in.
    """

    def __init__(self, client: Client, database: Database) -> None:
        self.client = client
        self.database = database

    async def upload(
        self, body: bytes | str, headers: Mapping[str, str] | None = None
    ) -> ClientResponse:
        """Upload a list as the body itself."""
        return await self.client.post(
            "/api/upload", data=opened(body), headers={**CSV, **(headers or {})}
        )

    async def upload_files(
        self,
        *files: tuple[str, bytes | str],
        fields: Iterable[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> ClientResponse:
        """Upload files in one form; their fields have names of all kinds."""
        form = FormData(quote_fields=False)  # as browsers and curl send names
        names = list(fields or [f"field {number}" for number in range(len(files))])
        for field, (name, content) in zip(names, files, strict=True):
            form.add_field(field, opened(content), filename=name, content_type="text/csv")
        return await self.client.post("/api/upload", data=form, headers=headers)

    async def session(self, *rows: str, header: str = "Title,Year") -> str:
        """Upload these rows; the id of the session they made."""
        response = await self.upload("\n".join([header, *rows]))
        answer = await response.json()
        assert response.status == 201, answer
        return str(answer["session_id"])

    async def get(self, path: str, **parameters: str | int) -> dict[str, Any]:
        """A JSON answer that must be 200."""
        response = await self.client.get(path, params=parameters)
        answer: dict[str, Any] = await response.json()
        assert response.status == 200, answer
        return answer

    async def status(self, session_id: str) -> dict[str, Any]:
        """A session's status."""
        return await self.get(f"/api/session/{session_id}/status")

    async def counts(self, session_id: str) -> tuple[str, int, int, int, int]:
        """Status, total, found, not found and failed, as the API tells them."""
        status = await self.status(session_id)
        return (
            status["status"],
            status["total_movies"],
            status["enriched_count"],
            status["not_found_count"],
            status["failed_count"],
        )

    async def movies(self, session_id: str, **parameters: str | int) -> list[dict[str, Any]]:
        """The movies of one page, which must be the only one."""
        page = await self.get(f"/api/session/{session_id}/movies", **parameters)
        assert page["next_cursor"] is None
        movies: list[dict[str, Any]] = page["movies"]
        return movies

    async def problem(self, response: ClientResponse, status: int, code: str) -> dict[str, Any]:
        """Check that an answer is this problem; its document."""
        text = await response.text()
        assert (response.status, response.content_type) == (
            status,
            "application/problem+json",
        ), text
        problem: dict[str, Any] = await response.json()
        assert problem["code"] == code, text
        assert problem["status"] == status
        assert problem["type"] == f"urn:projectionist:problem:{code}"
        assert problem["title"]
        assert problem["detail"]
        return problem

    async def raw(self, request: bytes) -> Raw:
        """Send bytes as they are; what comes back until the service closes the connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            reader, writer = await asyncio.open_connection(self.client.host, self.client.port)
            writer.write(request)
            answer = await reader.read()
            writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        return Raw(status, head.decode().lower(), body)

    async def stored(self) -> dict[str, int]:
        """How many rows each table that an upload writes has; those without any are left out."""
        row = await self.database.fetchrow(
            """
            select
              (select count(*) from sessions) as sessions,
              (select count(*) from movies) as movies,
              (select count(*) from lookups) as lookups,
              (select count(*) from upload_reports) as upload_reports,
              (select count(*) from idempotency_keys) as idempotency_keys,
              (select count(*) from catalogue) as catalogue
            """
        )
        assert row is not None
        return {table: count for table, count in row.items() if count}

    async def clear(self) -> None:
        """Take away everything stored."""
        for table in ("sessions", "lookups", "catalogue"):
            await self.database.fetchval(f"delete from {table}")  # noqa: S608  # one of these

    async def lookup(self, key: str) -> asyncpg.Record:
        """One lookup's row."""
        row = await self.database.fetchrow("select * from lookups where key = $1", key)
        assert row is not None, f"there is no lookup {key}"
        return row

    async def queue(self) -> list[str]:
        """The keys of what waits, in the order of their turns."""
        rows = await self.database.fetch(
            "select key from lookups where due_at is not null order by turn, id"
        )
        return [row["key"] for row in rows]

    async def turns(self) -> dict[str, int]:
        """The turn of each lookup that waits."""
        rows = await self.database.fetch("select key, turn from lookups where due_at is not null")
        return {row["key"]: row["turn"] for row in rows}

    async def drifted(self) -> list[UUID]:
        """Sessions whose stored counts differ from a recount by join."""
        rows = await self.database.fetch(
            """
            select id
            from sessions
            left join lateral (
              select
                count(*) as total,
                count(*) filter (where outcome = 'found') as enriched,
                count(*) filter (where outcome = 'not_found') as not_found,
                count(*) filter (where outcome = 'failed') as failed
              from movies
              join lookups on lookups.id = lookup_id
              where session_id = sessions.id
            ) as counted on true
            where (sessions.total, sessions.enriched, sessions.not_found, sessions.failed)
              <> (counted.total, counted.enriched, counted.not_found, counted.failed)
            """
        )
        return [row["id"] for row in rows]


class Daemon:
    """Answers lookups as a daemon does, with the outcomes that a test wants."""

    def __init__(self, storage: StorageService) -> None:
        self._storage = storage

    async def beat(self) -> None:
        """Be there, as far as the API can tell."""
        now = datetime.now(UTC)
        await self._storage.fleet.beat(
            Heartbeat(uuid4(), "host:1", now, now, 10.0, 0, draining=False)
        )

    async def claim(self, *keys: str) -> None:
        """Claim these lookups and keep them in flight."""
        claims = await self._storage.queue.claim(uuid4(), uuid4(), 100_000)
        assert set(keys) <= {claim.key for claim in claims}
        await self._storage.queue.give_back([claim for claim in claims if claim.key not in keys])

    async def answer(
        self,
        *,
        found: Mapping[str, int] | None = None,
        not_found: Iterable[str] = (),
        failed: Iterable[str] = (),
        candidates: Iterable[dict[str, object]] = (),
    ) -> None:
        """Claim what waits, end these lookups, and give the rest back.

        Args:
            found: TMDB ids by lookup key.
            not_found: lookup keys.
            failed: lookup keys.
            candidates: what each of `not_found` might have been.
        """
        ends: dict[str, tuple[Outcome, int | None]] = {
            **{key: (Outcome.FOUND, tmdb_id) for key, tmdb_id in (found or {}).items()},
            **dict.fromkeys(not_found, (Outcome.NOT_FOUND, None)),
            **dict.fromkeys(failed, (Outcome.FAILED, None)),
        }
        claims = await self._storage.queue.claim(uuid4(), uuid4(), 100_000)
        mine = [claim for claim in claims if claim.key in ends]
        assert {claim.key for claim in mine} == set(ends), "what is to be answered must be queued"
        saved = await self._storage.completions.save(
            [
                Completion(
                    claim=claim,
                    outcome=ends[claim.key][0],
                    reason=None if ends[claim.key][1] else f"because {ends[claim.key][0]}",
                    film=film(ends[claim.key][1]),
                    confidence=100 if ends[claim.key][1] else None,
                    candidates=() if ends[claim.key][1] else tuple(candidates),
                )
                for claim in mine
            ]
        )
        assert not saved.held
        assert not saved.lost
        await self._storage.queue.give_back([claim for claim in claims if claim.key not in ends])


def opened(content: bytes | str) -> io.BytesIO:
    """Content as an open file."""
    return io.BytesIO(content.encode() if isinstance(content, str) else content)


def film(tmdb_id: int | None) -> Film | None:
    """A catalogue row with this id."""
    if tmdb_id is None:
        return None
    return Film(
        tmdb_id=tmdb_id,
        imdb_id=f"tt{tmdb_id:07}",
        title=f"Film {tmdb_id}",
        original_title=f"Film {tmdb_id}",
        release_date=None,
        genres=("Drama",),
        directors=({"id": 1, "name": "Somebody"},),
        top_cast=({"id": 2, "name": "Anybody", "character": "Nobody"},),
        runtime_minutes=90,
        countries=("US",),
        languages=("en",),
        overview="",
        poster_path="/poster.jpg",
        vote_average=None,
        vote_count=0,
        popularity=0.0,
    )


class LastingParsers(ParserPool):
    """Parser processes that outlive the applications that use them: starting them takes long."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def open(self) -> None:
        """Start the processes."""
        await super().__aenter__()

    async def close(self) -> None:
        """End them."""
        await super().__aexit__(None, None, None)


@pytest.fixture(scope="module")
async def parsers() -> AsyncIterator[LastingParsers]:
    """The parser processes of all tests of a module."""
    lasting = LastingParsers()
    await lasting.open()
    yield lasting
    await lasting.close()


def serve(settings: Settings, parsers: LastingParsers, **changes: object) -> Client:
    """The API with these settings, on a port of this process; `ADMIN_TOKEN` is `let-me`."""
    changed = settings.model_copy(update={"admin_token": SecretStr("let-me"), **changes})
    app = create_app(changed)
    app[PARSER] = parsers
    return TestClient(TestServer(app))


@pytest.fixture
async def api(settings: Settings, parsers: LastingParsers) -> AsyncIterator[Client]:
    """The API over the test's database."""
    async with serve(settings, parsers) as client:
        yield client


@pytest.fixture
def service(api: Client, database: Database) -> Service:
    """The API over the test's database."""
    return Service(api, database)


@pytest.fixture
def daemon(database: Database) -> Daemon:
    """Ends lookups with the outcomes that the test wants."""
    return Daemon(StorageService(database))


@pytest.fixture
async def make_service(
    settings: Settings, database: Database, parsers: LastingParsers
) -> AsyncIterator[Callable[..., Awaitable[Service]]]:
    """Makes services with other settings over the test's database."""
    async with AsyncExitStack() as stack:

        async def make(**changes: object) -> Service:
            client = await stack.enter_async_context(serve(settings, parsers, **changes))
            return Service(client, database)

        yield make


class Notified:
    """What is sent with NOTIFY while a test runs."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._connection = connection
        self._came: list[tuple[str, str]] = []
        self._fresh = asyncio.Event()

    def take(self, _: object, __: int, channel: str, payload: object) -> None:
        """Called by the connection."""
        self._came.append((channel, str(payload)))
        self._fresh.set()

    def of(self, channel: str) -> list[str]:
        """The payloads of one channel, in the order in which they came."""
        return [payload for name, payload in self._came if name == channel]

    def clear(self) -> None:
        """Forget what came so far."""
        self._came.clear()

    async def settle(self) -> None:
        """Wait until everything has come that was committed before this call."""
        mark = uuid4().hex
        await self._connection.execute("select pg_notify('settled', $1)", mark)
        # What was sent before comes before.
        while mark not in self.of("settled"):
            self._fresh.clear()
            await self._fresh.wait()


@pytest.fixture
async def notified(dsn: str) -> AsyncIterator[Notified]:
    """Listens to the channels of the daemons and of the pages."""
    connection = await asyncpg.connect(dsn)
    listening = Notified(connection)
    for channel in ("settled", *Channel):
        await connection.add_listener(channel, listening.take)
    yield listening
    await connection.close()


@pytest.fixture(scope="session")
async def common_settings(postgres: EmbeddedPostgres, template: str) -> Settings:
    """Settings over one database for all tests that store nothing."""
    connection = await asyncpg.connect(postgres.dsn())
    await connection.execute(f"create database test_refusals template {template}")
    await connection.close()
    return Settings(_env_file=None, database_url=postgres.dsn("test_refusals"))


@pytest.fixture(scope="session")
async def common_database(common_settings: Settings) -> AsyncIterator[Database]:
    """The database of all tests that store nothing."""
    async with Database(common_settings, application_name="tests") as opened:
        yield opened


@pytest.fixture(scope="module")
async def common_service(
    common_settings: Settings, common_database: Database, parsers: LastingParsers
) -> AsyncIterator[Service]:
    """One service for all tests that store nothing."""
    async with serve(common_settings, parsers) as client:
        yield Service(client, common_database)


@pytest.fixture(scope="module")
async def common_small_service(
    common_settings: Settings, common_database: Database, parsers: LastingParsers
) -> AsyncIterator[Service]:
    """The same, taking 2,000 bytes and 50 films."""
    limits = {"upload_max_bytes": 2_000, "upload_max_movies": 50}
    async with serve(common_settings, parsers, **limits) as client:
        yield Service(client, common_database)


@pytest.fixture
def spooled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Path]]:
    """The folders of uploads that are being taken in by this test's requests."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda: list(tmp_path.glob("projectionist-upload-*"))


@pytest.fixture
async def refusing(
    common_service: Service, spooled: Callable[[], list[Path]]
) -> AsyncIterator[Service]:
    """A service that is to refuse: afterwards nothing may be stored, and nothing left on disk."""
    yield common_service
    stored = await common_service.stored()
    await common_service.clear()
    assert stored == {}
    assert spooled() == []


@pytest.fixture
async def small(refusing: Service, common_small_service: Service) -> Service:
    """A service that is to refuse, and takes 2,000 bytes and 50 films."""
    assert refusing.database is common_small_service.database
    return common_small_service


@pytest.fixture
def until() -> Until:
    """Waits until a condition holds, and fails when it does not come to hold."""

    async def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            holds = condition()
            if inspect.isawaitable(holds):
                holds = await holds
            if holds:
                return
            assert time.monotonic() < deadline, "what was waited for did not happen"
            await asyncio.sleep(0.01)

    return wait
